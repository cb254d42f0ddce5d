"""Runs the guest in QEMU: the second half of vm/run, which says how it is used.

The guest's first process is vm/guest/init. It gets the command through a job
folder that it sees over 9p, and talks to us over virtio ports: the command's
two output streams, its input, and a control port ("ready", "exit N").
"""

import argparse
import ctypes
import fcntl
import os
import secrets
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import threading
import time

import splat

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
CACHE, WORK, BUILD, ARCH, IMAGE, PATH, ROOT = (
    os.environ[f"FANFP_{n}"] for n in ("CACHE", "WORK", "BUILD", "ARCH", "IMAGE", "PATH", "ROOT"))
VERBOSE = os.environ.get("V", "0") not in ("", "0")
GUEST_FAILED = 125
BOOT_TIMEOUT = 300
KVM_BOOT_TIMEOUT = 20
CONSOLE_TIMEOUT = 30        # vm/guest/init waits longer than that


# architecture: (QEMU, how it emulates the machine, serial port). The machine is
# QEMU's default on a PC. Without "impdef" most of the time is spent on signing
# pointers.
MACHINES = {
    "x86_64": (["qemu-system-x86_64"], "max", "ttyS0"),
    "arm64": (["qemu-system-aarch64", "-M", "virt"], "max,pauth-impdef=on", "ttyAMA0"),
}


class GuestFailed(Exception):
    """The guest did not do what it was asked; the text says why."""


class KvmDead(Exception):
    """KVM runs a guest of one instruction, but not a kernel: it is silent."""


class QemuDied(Exception):
    """An assertion of QEMU's own failed while the guest booted: nothing has been run in it yet."""


def note(*text):
    print("vm:", *text, file=sys.stderr, flush=True)


def boot_id():
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def note_kvm(works):
    with open(f"{CACHE}/kvm.new", "w", encoding="ascii") as file:
        file.write(f"{boot_id()} {'works' if works else 'dead'}\n")
    os.rename(f"{CACHE}/kvm.new", f"{CACHE}/kvm")


def kvm_works():
    """Opening /dev/kvm is not enough: some containers hand out one that creates
    a machine and never runs it. So a guest of one instruction is run, once a boot
    of the host: a firmware that writes 1 to a port, which ends QEMU with status 3.
    On others even that is not enough, see KvmDead. ACCEL= says which one to take.
    """
    accel = os.environ.get("ACCEL")
    if accel and accel not in ("kvm", "tcg"):
        sys.exit(f"ACCEL={accel}: it is kvm or tcg, and found out if it is left out")
    if accel:
        return accel == "kvm" and ARCH == os.uname().machine
    if ARCH != os.uname().machine or not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    known = f"{CACHE}/kvm"
    if os.path.exists(known):
        with open(known, encoding="ascii") as file:
            if (words := file.read().split())[:1] == [boot_id()]:
                return words[1] == "works"
    with tempfile.NamedTemporaryFile(dir=CACHE) as firmware:
        firmware.write(bytes(0xFFF0) + b"\xb0\x01\xe6\xf4\xf4".ljust(16, b"\xf4"))
        firmware.flush()
        try:
            works = subprocess.run(
                ["qemu-system-x86_64", "-nodefaults", "-display", "none", "-accel", "kvm",
                 "-cpu", "host", "-bios", firmware.name, "-device", "isa-debug-exit,iobase=0xf4"],
                stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=3,
                preexec_fn=die_with_parent, check=False).returncode == 3
        except subprocess.TimeoutExpired:
            works = False
    note_kvm(works)
    return works


def die_with_parent():
    """QEMU ends even when we are killed and cannot end it."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)      # PR_SET_PDEATHSIG


def our_functions():
    """The functions of the files that the series touches, as the kernel was built."""
    sources = subprocess.run([sys.executable, f"{REPO}/vm/series/check.py", "kernel-sources"],
                             stdout=subprocess.PIPE, check=True).stdout.decode().split()
    objects = [path for name in sources if os.path.exists(path := f"{BUILD}/{name.removesuffix('.c')}.o")]
    symbols = subprocess.run(["nm", "--defined-only", *objects], stdout=subprocess.PIPE, check=True).stdout.decode()
    return {words[2] for words in map(str.split, symbols.splitlines()) if len(words) == 3 and words[1] in "tT"}


class Stream:
    """One output stream of the guest's command, up to the mark that ends it."""

    def __init__(self, sock, out, mark):
        self.sock, self.out, self.mark = sock, out, mark
        self.held = b""
        self.done = False

    def read(self):
        data = self.sock.recv(65536)
        if not data:
            self.write(self.held)
            return False
        data = self.held + data
        if data.endswith(self.mark):
            data, self.held, self.done = data[:-len(self.mark)], b"", True
        else:
            size = min(len(self.mark) - 1, len(data))
            while size and not self.mark.startswith(data[-size:]):
                size -= 1
            data, self.held = data[:len(data) - size], data[len(data) - size:]
        self.write(data)
        return True

    def write(self, data):
        while data:
            data = data[os.write(self.out, data):]


class Machine:
    def __init__(self, command, tty, check_console):
        self.tty = tty
        self.check_console = check_console
        self.stdin = not tty and sys.stdin is not None and not os.isatty(0)
        os.makedirs(f"{CACHE}/out", exist_ok=True)
        os.makedirs(f"{WORK}/logs", exist_ok=True)
        self.console = self.console_log()
        self.job = tempfile.mkdtemp(prefix="job-", dir=WORK)
        self.mark = secrets.token_hex(16)
        for name, text in (("command", command), ("mark", self.mark)):
            with open(f"{self.job}/{name}", "w", encoding="utf-8") as file:
                file.write(text)
        self.qemu = None
        self.try_tcg = False
        self.socks = {}
        self.theirs = []
        self.attr = termios.tcgetattr(0) if tty else None

    @staticmethod
    def console_log():
        """A new log; console.log points to the newest. Ten are kept, and those of guests that run."""
        logs = f"{WORK}/logs"
        old = sorted(n for n in os.listdir(logs) if n.startswith("console-"))
        for name in old[:-9]:
            pid = name.removesuffix(".log").split("-")[-1]
            if not os.path.exists(f"/proc/{pid}"):
                os.unlink(f"{logs}/{name}")
        path = f"{logs}/console-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
        link = f"{logs}/.console-{os.getpid()}"
        os.symlink(os.path.basename(path), link)
        os.rename(link, f"{logs}/console.log")
        return path

    def port(self, name):
        ours, theirs = socket.socketpair()
        self.socks[name] = ours
        self.theirs.append(theirs)
        return ["-chardev", f"socket,id={name},fd={theirs.fileno()}",
                "-device", f"virtserialport,chardev={name},name={name}"]

    @staticmethod
    def init():
        """The guest's first process; it sees no other files than those of its root."""
        if ROOT == "/":
            return f"{REPO}/vm/guest/init"
        os.makedirs(f"{ROOT}/guest", exist_ok=True)
        for name in ("init", "fstab"):
            # Another guest may be reading the old one.
            new = f"{ROOT}/guest/{name}.{os.getpid()}"
            shutil.copy(f"{REPO}/vm/guest/{name}", new)
            os.rename(new, f"{ROOT}/guest/{name}")
        return "/guest/init"

    def command_line(self):
        icount = os.environ.get("ICOUNT", "0") not in ("", "0")
        smp = "1" if icount else os.environ.get("SMP") or "2"
        qemu, cpu, serial = MACHINES[ARCH]
        args = [*qemu, "-nodefaults", "-no-user-config", "-no-reboot",
                "-display", "none", "-m", os.environ.get("MEM") or "3G", "-smp", smp]
        if icount:
            args += ["-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off", "-cpu", cpu]
        elif kvm_works():
            self.try_tcg = not os.environ.get("ACCEL")
            args += ["-accel", "kvm", "-cpu", "host"]
        else:
            args += ["-accel", "tcg,thread=multi", "-cpu", cpu]
        size = os.get_terminal_size(0) if self.tty else None
        guest = {
            "FANFP_REPO": REPO, "FANFP_CACHE": CACHE, "FANFP_JOB": self.job,
            "FANFP_PATH": PATH, "FANFP_STDIN": "1" if self.stdin else "",
            "FANFP_TTY": f"{size.lines}x{size.columns}" if size else "",
            "FANFP_SHARED": "" if ROOT == "/" else "1", "FANFP_CHECK": "1" if self.check_console else "",
        }
        if self.tty:
            guest["TERM"] = os.environ.get("TERM", "linux")
        words = [f"console={serial}", "panic=-1", "ro", "root=/dev/root", "rootfstype=9p",
                 "rootflags=trans=virtio,version=9p2000.L,msize=262144,cache=loose",
                 f'init="{self.init()}"', *(f'{k}="{v}"' for k, v in guest.items())]
        if ARCH == "x86_64" and os.environ.get("CONFIG"):
            # Interpreting the firmware's routing of interrupts takes such a kernel
            # minutes, and virtio's devices use none of them.
            words.append("acpi=noirq")
            # KASAN asks the features of the processor how wide addresses are, and
            # identify_cpu() has none of them for a moment: a timer interrupt in it is
            # "wild-memory-access in rcu_is_watching". With four levels both agree.
            words.append("no5lvl")
        args += ["-kernel", IMAGE, "-append", " ".join(words),
                 "-chardev", f"file,id=console,path={self.console}", "-serial", "chardev:console",
                 "-device", "virtio-rng-pci", "-device", "virtio-serial-pci"]
        shares = [("/dev/root", ROOT, "readonly=on"), ("out", f"{CACHE}/out", "readonly=off")]
        if ROOT != "/":
            # Of the host's files the guest then has only these, at the same place.
            shares += [("repo", REPO, "readonly=on"), ("cache", CACHE, "readonly=on")]
        for tag, path, how in shares:
            name = os.path.basename(tag)
            args += ["-fsdev", f"local,id={name},path={path},security_model=none,{how},multidevs=remap",
                     "-device", f"virtio-9p-pci,fsdev={name},mount_tag={tag}"]
        if monitor := os.environ.get("MONITOR"):
            args += ["-chardev", f"socket,id=monitor,path={monitor},server=on,wait=off",
                     "-mon", "chardev=monitor"]
        if self.tty:
            args += ["-chardev", "stdio,id=tty,signal=off,mux=on", "-echr", "0x1d",
                     "-device", "virtconsole,chardev=tty"]
        for name in ("control",) if self.tty else ("control", "stream1", "stream2", "stdin"):
            args += self.port(name)
        return args

    def start(self):
        args = self.command_line()
        if VERBOSE:
            note(" ".join(args))
        with open(f"{self.job}/qemu", "wb") as errors:
            self.qemu = subprocess.Popen(
                args, stdin=None if self.tty else subprocess.DEVNULL,
                stdout=None if self.tty else subprocess.DEVNULL, stderr=errors,
                pass_fds=[s.fileno() for s in self.theirs], preexec_fn=die_with_parent)
        for sock in self.theirs:
            sock.close()

    def feed(self):
        """Passes our input on, and its end."""
        try:
            while data := os.read(0, 65536):
                self.socks["stdin"].sendall(data)
        except OSError:
            pass
        self.socks["stdin"].shutdown(socket.SHUT_WR)

    def tell(self, text):
        try:
            self.socks["control"].sendall(text.encode())
        except OSError:
            pass

    def resized(self, *_):
        size = os.get_terminal_size(0)
        self.tell(f"size {size.lines} {size.columns}\n")

    def run(self, limit):
        """Boots, and returns the exit status of the command; limit in seconds, 0: none."""
        begin = time.monotonic()
        self.start()
        if self.tty:
            signal.signal(signal.SIGWINCH, self.resized)
        wait = selectors.DefaultSelector()
        control = self.socks["control"]
        wait.register(control, selectors.EVENT_READ)
        mark = self.mark.encode()
        streams = [] if self.tty else [Stream(self.socks["stream1"], 1, mark),
                                       Stream(self.socks["stream2"], 2, mark)]
        for stream in streams:
            wait.register(stream.sock, selectors.EVENT_READ, stream)
        ready, status, told = False, None, b""
        while status is None or not all(s.done for s in streams):
            now = time.monotonic() - begin
            if not ready and self.try_tcg and now > KVM_BOOT_TIMEOUT:
                raise KvmDead
            if not ready and now > BOOT_TIMEOUT:
                raise GuestFailed(f"the guest did not boot in {BOOT_TIMEOUT} seconds")
            if limit and now > limit:
                self.tell("stuck\n")
                time.sleep(2)
                raise GuestFailed(f"the guest was not done after TIMEOUT={limit:g} seconds; "
                                  "it was told to print its blocked tasks")
            for key, _ in wait.select(timeout=1):
                if key.data and key.data.read():
                    continue
                data = b"" if key.data else control.recv(4096)
                if not data:
                    if not ready and self.try_tcg and not self.said() and not self.console_lines():
                        raise KvmDead
                    if not ready and self.asserted():
                        raise QemuDied("QEMU failed while the guest booted")
                    raise GuestFailed("the guest crashed" if ready else "the guest did not boot")
                *lines, told = (told + data).split(b"\n")
                for line in lines:
                    word, value = line.decode().split()
                    if word == "ready":
                        ready = True
                        if VERBOSE:
                            note(f"booted in {time.monotonic() - begin:.1f} s, {value} s of the guest's")
                        if self.stdin:
                            threading.Thread(target=self.feed, daemon=True).start()
                    elif word == "exit":
                        status = int(value)
        if self.check_console:
            self.wait_for_console()
        return status

    def wait_for_console(self):
        """The kernel prints in a thread: wait until the mark of vm/guest/init is there, too."""
        end = time.monotonic() + CONSOLE_TIMEOUT
        while not any(self.mark in line for line in self.console_lines()):
            if not os.path.exists(self.console):
                raise GuestFailed("the guest's console was removed while it ran")
            if self.qemu.poll() is not None:
                raise GuestFailed("the guest crashed after its command")
            if time.monotonic() > end:
                raise GuestFailed(f"the guest's console did not come to its end in {CONSOLE_TIMEOUT} seconds")
            time.sleep(0.1)

    def end(self):
        if self.qemu:
            self.qemu.kill()
            self.qemu.wait()
        if self.attr:
            termios.tcsetattr(0, termios.TCSADRAIN, self.attr)

    def clean_up(self):
        shutil.rmtree(self.job, ignore_errors=True)

    def said(self):
        """What QEMU itself said."""
        with open(f"{self.job}/qemu", encoding="utf-8", errors="replace") as file:
            return file.read().strip()

    def asserted(self):
        """Whether QEMU ended by an assertion of its own, seen now and then on a busy machine."""
        try:
            return self.qemu.wait(timeout=5) == -signal.SIGABRT and "Assertion" in self.said()
        except subprocess.TimeoutExpired:
            return False

    def explain(self, why):
        lines = self.console_lines()
        bad = self.splats()
        first = next((n for n, line in enumerate(lines) if line in bad), len(lines) - 30)
        for line in lines[max(first, 0):][:30]:
            print("   |", line, file=sys.stderr)
        if said := self.said():
            print("   |", said, file=sys.stderr)
        note(f"{why}; its console: {self.console}")

    def console_lines(self):
        try:
            with open(self.console, encoding="utf-8", errors="replace") as file:
                return [line.rstrip() for line in file]
        except FileNotFoundError:
            return []

    def splats(self):
        """What the kernel complained of; of data races (KCSAN) only the series' own."""
        found = splat.splats(self.console_lines())
        others = splat.races_of_others(found, our_functions()) if any("KCSAN" in line for line in found) else []
        if others:
            note(f"{len(others)} data races between functions that are not the series', see its console: {self.console}")
        return [line for line in found if line not in others]


def leave(number, _):
    raise SystemExit(128 + number)


def main():
    parser = argparse.ArgumentParser(prog="vm/run")
    parser.add_argument("-t", "--tty", action="store_true", help="run COMMAND on a terminal")
    parser.add_argument("--check-console", action="store_true",
                        help="fail when the kernel printed a warning")
    parser.add_argument("command", nargs="*", metavar="COMMAND")
    args = parser.parse_args()
    tty = args.tty or not args.command
    if tty and not (os.isatty(0) and os.isatty(1)):
        note("a shell in the guest needs a terminal: give a command, as in vm/run 'uname -a'")
        return 2
    try:
        limit = float(os.environ.get("TIMEOUT") or 0)
    except ValueError:
        note(f"TIMEOUT={os.environ['TIMEOUT']}: give a number of seconds")
        return 2
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
    command = " ".join(args.command) or "exec bash -i"
    machine = Machine(command, tty, args.check_console)
    if tty:
        note("Ctrl-] x ends the guest at once")
    try:
        try:
            status = machine.run(limit)
        except KvmDead:
            machine.end()
            machine.clean_up()
            note(f"KVM did not boot the guest in {KVM_BOOT_TIMEOUT} seconds (its console: {machine.console}): "
                 "emulating it (TCG) from now on; ACCEL=kvm tries again")
            note_kvm(False)
            machine = Machine(command, tty, args.check_console)
            status = machine.run(limit)
        except QemuDied:
            note(f"QEMU failed while the guest booted ({machine.said()}): booting again")
            machine.end()
            machine.clean_up()
            machine = Machine(command, tty, args.check_console)
            status = machine.run(limit)
        machine.end()
    except (GuestFailed, QemuDied) as failure:
        machine.end()
        machine.explain(failure)
        status = GUEST_FAILED
    except BrokenPipeError:
        status = 128 + signal.SIGPIPE
    finally:
        machine.end()
        machine.clean_up()
    if args.check_console and (splats := machine.splats()):
        for line in splats[:20]:
            print("   |", line, file=sys.stderr)
        note(f"the guest's kernel complained; its console: {machine.console}")
        status = status or GUEST_FAILED
    return status


sys.exit(main())
