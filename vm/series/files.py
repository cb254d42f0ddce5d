"""Prints which files of the kernel each patch adds (A) and changes (M), a set at a time,
for vm/files.
"""

import sets


def main():
    for place, each in enumerate(sets.sets()):
        local = f"; never mailed: {each.local}" if each.local else ""
        print(f"{chr(10) if place else ''}{each.name}: {each.title if not local else 'ours' + local}")
        for number, patch in enumerate(each.patches, 1):
            print(f"  {number}. {patch.name}: {patch.title}")
            files = [("A", p) for p in patch.owns] + [("M", p) for p in patch.changes + list(patch.later)]
            for kind, path in sorted(files, key=lambda f: f[1]):
                print(f"     {kind} {path}")
    return 0


sets.run(main)
