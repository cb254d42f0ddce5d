"""Writes each set as mails, for vm/mails. usage: mails.py BASE OUT

OUT/SET/ gets what git send-email and b4 take: the patches with the set's subject
prefix and recipients, and its cover letter. In cover letters and messages {patch:SET/NAME}
stands for a patch and {set:NAME} for a set: how they are called is filled in here.
"""

import os
import re
import shutil
import tempfile
import textwrap

import kernelgit
import sets
from kernelgit import git


# In a folder that may be replaced
MARKER = ".fanfp-mails"
MARK = re.compile(r"\{(patch|set):([^}\s]*)\}")


def fill(text, here, series, where):
    """The text with the names of patches and sets, as the set here calls them."""
    def name(found):
        kind, key = found.groups()
        for each in series:
            if kind == "set" and each.name == key:
                return f'"{each.title}"'
            for number, patch in enumerate(each.patches, 1):
                if kind == "patch" and patch.key == key:
                    word = "Patch" if re.search(r"(^|[.:]\s+|^[-*] )$", found.string[:found.start()]) else "patch"
                    return f"{word} {number}" if each.name == here.name else f'{word} {number} of "{each.title}"'
        raise sets.Wrong(f"{where} has {found[0]}, and there is no such {kind}")

    def paragraph(lines):
        """Its lines are broken anew if a name was filled in: it may be longer, or shorter."""
        filled = MARK.sub(name, lines)
        if filled == lines or re.search(r"^[ \t]", filled, re.M) and not re.match("[-*] ", filled):
            return filled
        first = re.match(r"[-*] |", filled)[0]
        return "\n".join(textwrap.wrap(filled[len(first):], 72, initial_indent=first, break_on_hyphens=False,
                                       subsequent_indent=" " * len(first), break_long_words=False))
    # A paragraph ends at an empty line, and before an item of a list.
    subject, end, text = text.partition("\n")
    parts = re.split(r"(\n\n+|\n(?=[-*] ))", text)
    return MARK.sub(name, subject) + end + "".join(n if k % 2 else paragraph(n) for k, n in enumerate(parts))


def stands_on(here, series):
    """What the set needs, in a sentence for its cover letter."""
    named = [f'"{s.title}"' for s in series if s.name in here.needs]
    on = f"Linux {sets.base_version()}"
    if not named:
        return f"It applies to {on}."
    listed = " and ".join(n for n in (", ".join(named[:-1]), named[-1]) if n)
    return "\n".join(textwrap.wrap(f"It applies to {on} with {listed}.", 72, break_on_hyphens=False))


def cover(here, series, path):
    """Puts the set's cover letter into the one that git made."""
    subject, _, body = fill(here.cover, here, series, f"series/{here.name}/cover-letter").partition("\n")
    made = sets.read(path).decode()
    made = made.replace("*** SUBJECT HERE ***", subject.strip())
    made = made.replace("*** BLURB HERE ***", f"{body.strip()}\n\n{stands_on(here, series)}")
    with open(path, "w", encoding="utf-8") as file:
        file.write(made)


def write(base, out):
    """Makes the mails in the new folder out; returns their paths below it, a list a set."""
    series = sets.sets()
    with tempfile.TemporaryDirectory(dir=os.path.dirname(os.path.abspath(out))) as temp:
        repo = f"{temp}/repo"
        start = kernelgit.small_base(base, repo)
        commits = kernelgit.stack(base, f"{repo}/.git", start, message=
                              lambda p: fill(p.message, p.set, series, f"series/{p.key}/message"))
        before, done = start, {}
        for each in series:
            last = [c for p, c in commits if p.set.name == each.name][-1]
            if not each.local:
                where = f"{out}/{each.name}"
                prefix = (each.header("Prefix") or ["PATCH"])[0]
                people = [f"--{k.lower()}={v}" for k, v in each.headers if k in ("To", "Cc")]
                git(repo, "format-patch", "-q", "--cover-letter", "--cover-from-description=none", "-o", where,
                    f"--subject-prefix={prefix}", *people, *kernelgit.DIFF, "--no-signature", f"{before}..{last}",
                    env=kernelgit.people(each.patches[0].message, each.patches[0].key))
                names = sorted(os.listdir(where))
                cover(each, series, f"{where}/{names[0]}")
                done[each.name] = names
            before = last
    return done


def main(base, out):
    new = f"{out}.new"
    for path in (out, new):
        if os.path.lexists(path) and not os.path.exists(f"{path}/{MARKER}") and (not os.path.isdir(path) or os.listdir(path)):
            raise sets.Wrong(f"{path} was not made by this: name a folder that is empty, or does not exist")
    shutil.rmtree(new, ignore_errors=True)
    os.makedirs(new)
    with open(f"{new}/{MARKER}", "w", encoding="utf-8"):
        pass
    done = write(base, new)
    if os.path.isdir(out):
        shutil.rmtree(out)
    os.rename(new, out)
    for name, names in done.items():
        for each in names:
            print(f"{out}/{name}/{each}")
    return 0


if __name__ == "__main__":
    sets.run(main)
