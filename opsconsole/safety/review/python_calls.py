"""What the calls of the standard library and of common packages do, by their full name."""

from __future__ import annotations


def _words(text: str) -> list[str]:
    return text.split()


# Function → effect kind. The first argument is the target, unless SECOND says otherwise.
EFFECTS: dict[str, str] = {
    **dict.fromkeys(
        _words("""os.remove os.unlink os.rmdir os.removedirs shutil.rmtree pathlib.Path.unlink pathlib.Path.rmdir"""),
        "delete",
    ),
    **dict.fromkeys(
        _words("""
    os.rename os.replace os.renames os.truncate os.mkdir os.makedirs os.link os.symlink os.mknod os.mkfifo
        os.chmod os.lchmod os.chown os.lchown os.utime os.setxattr shutil.copy shutil.copy2 shutil.copyfile
        shutil.copytree shutil.move shutil.chown shutil.unpack_archive shutil.make_archive pathlib.Path.write_text
        pathlib.Path.write_bytes pathlib.Path.touch pathlib.Path.mkdir pathlib.Path.chmod pathlib.Path.rename
        pathlib.Path.replace pathlib.Path.symlink_to pathlib.Path.hardlink_to tempfile.mkdtemp tempfile.mkstemp
        tempfile.NamedTemporaryFile tempfile.TemporaryDirectory tempfile.mktemp sqlite3.connect shelve.open
        dbm.open logging.FileHandler urllib.request.urlretrieve"""),
        "write",
    ),
    **dict.fromkeys(
        _words("""pathlib.Path.read_text pathlib.Path.read_bytes os.listdir os.scandir os.walk os.stat os.lstat
        os.readlink glob.glob glob.iglob pathlib.Path.iterdir pathlib.Path.glob pathlib.Path.rglob"""),
        "read",
    ),
    **dict.fromkeys(
        _words("""requests.get requests.post requests.put requests.delete requests.patch requests.head requests.options
        requests.request httpx.get httpx.post httpx.put httpx.delete httpx.patch httpx.request urllib.request.urlopen
        urllib.request.urlretrieve http.client.HTTPConnection http.client.HTTPSConnection socket.create_connection
        socket.create_server ftplib.FTP smtplib.SMTP smtplib.SMTP_SSL imaplib.IMAP4_SSL telnetlib.Telnet
        paramiko.SSHClient socketserver.TCPServer http.server.HTTPServer asyncio.open_connection
        asyncio.start_server xmlrpc.client.ServerProxy"""),
        "network",
    ),
    **dict.fromkeys(_words("os.kill os.killpg signal.pidfd_send_signal"), "kill"),
    **dict.fromkeys(
        _words("""os.setuid os.seteuid os.setreuid os.setresuid os.setgid os.setegid os.setgroups os.initgroups
        os.chroot"""),
        "privilege",
    ),
    **dict.fromkeys(
        _words("""os.sethostname os.reboot time.clock_settime os.setpriority os.nice os.sched_setaffinity
        resource.setrlimit os.mount os.umount"""),
        "system",
    ),
    **dict.fromkeys(
        _words("""runpy.run_path runpy.run_module importlib.import_module __import__ eval exec compile code.interact
        ctypes.CDLL ctypes.cdll.LoadLibrary ctypes.PyDLL ctypes.WinDLL cffi.FFI multiprocessing.Process
        os.fork os.forkpty imp.load_source"""),
        "execute",
    ),
    **dict.fromkeys(_words("input getpass.getpass pdb.set_trace breakpoint"), "interactive"),
}

# Functions that start a program: `shell`, the first argument is shell text; `argv`, it is a list (or a string that is
# one word, unless shell=True); `path`, a program, whose arguments follow.
PROGRAMS: dict[str, str] = {
    **dict.fromkeys(
        _words("""os.system os.popen subprocess.getoutput subprocess.getstatusoutput asyncio.create_subprocess_shell
        commands.getoutput popen2.popen2"""),
        "shell",
    ),
    **dict.fromkeys(
        _words("""subprocess.run subprocess.call subprocess.check_call subprocess.check_output subprocess.Popen
        pty.spawn"""),
        "argv",
    ),
    **dict.fromkeys(
        _words("""os.execv os.execve os.execvp os.execvpe os.execl os.execle os.execlp os.execlpe os.spawnv os.spawnl
        os.spawnve os.spawnvp os.spawnlp os.posix_spawn os.posix_spawnp os.startfile
        asyncio.create_subprocess_exec"""),
        "path",
    ),
}

# Methods that are known by their name, on whatever they are called: name → the full name they are treated as.
METHODS: dict[str, str] = {
    "unlink": "pathlib.Path.unlink",
    "rmdir": "pathlib.Path.rmdir",
    "write_text": "pathlib.Path.write_text",
    "write_bytes": "pathlib.Path.write_bytes",
    "read_text": "pathlib.Path.read_text",
    "read_bytes": "pathlib.Path.read_bytes",
    "touch": "pathlib.Path.touch",
    "symlink_to": "pathlib.Path.symlink_to",
    "hardlink_to": "pathlib.Path.hardlink_to",
}

# The second argument is what is written, where there are two.
SECOND = frozenset(
    _words("""
    os.rename os.replace os.renames os.link os.symlink shutil.copy shutil.copy2 shutil.copyfile shutil.copytree
    shutil.move urllib.request.urlretrieve""")
)

WITHOUT_TIMEOUT = frozenset(
    _words("""requests.get requests.post requests.put requests.delete requests.patch requests.head requests.options
    requests.request urllib.request.urlopen socket.create_connection ftplib.FTP smtplib.SMTP smtplib.SMTP_SSL
    telnetlib.Telnet http.client.HTTPConnection http.client.HTTPSConnection""")
)
# Position of the timeout among the arguments, where it may be given without its name.
TIMEOUT_AT = {"urllib.request.urlopen": 2, "socket.create_connection": 1, "telnetlib.Telnet": 2, "ftplib.FTP": 4}

UNSAFE_LOADS = frozenset(
    _words("""
    pickle.load pickle.loads pickle.Unpickler cPickle.load cPickle.loads _pickle.load _pickle.loads marshal.load
    marshal.loads shelve.open dill.load dill.loads joblib.load pandas.read_pickle torch.load""")
)

DOWNLOADS = ("requests.", "urllib.request.", "httpx.", "urllib2.", "http.client.")
DECODERS = frozenset(
    _words("""base64.b64decode base64.b32decode base64.b85decode base64.a85decode base64.decodebytes binascii.unhexlify
    binascii.a2b_base64 codecs.decode zlib.decompress bz2.decompress lzma.decompress gzip.decompress
    bytes.fromhex marshal.loads""")
)
