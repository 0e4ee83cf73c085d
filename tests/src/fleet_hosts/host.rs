//! One host of a fleet.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::namespaces::{Namespaces, SYSTEM_PATH, Starting};

/// A host: its hostname, network, users, home folder and sshd.
pub struct Host {
    name: String,
    /// The number of the host in its fleet, from 0.
    number: u32,
    folder: PathBuf,
    /// The network namespace of the bridge.
    network: PathBuf,
    programs: PathBuf,
    sshd: PathBuf,
    /// `None` while the host is stopped.
    running: Mutex<Option<Namespaces>>,
}

/// The result of a program on a host.
#[derive(Debug)]
#[must_use]
pub struct HostOutput {
    /// The exit code; `None` if a signal ended the program.
    pub code: Option<i32>,
    /// The standard output.
    pub stdout: String,
    /// The standard error.
    pub stderr: String,
}

impl HostOutput {
    /// The standard output of a program that succeeded.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{}\n{}", self.stdout, self.stderr);
        self.stdout
    }
}

impl From<Output> for HostOutput {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

/// The address of host `number`.
fn address_of(number: u32) -> String {
    let [_, _, high, low] = (number + 10).to_be_bytes();
    format!("100.64.{high}.{low}")
}

/// The MAC address of host `number`.
fn mac_of(number: u32) -> String {
    let [_, _, high, low] = (number + 10).to_be_bytes();
    format!("02:00:64:40:{high:02x}:{low:02x}")
}

impl Host {
    /// Writes the files of host `number` below `folder`. `names` are the hosts of the fleet.
    pub(super) fn create(folder: &Path, number: u32, names: &[&str], programs: &Path, sshd: &Path) -> Self {
        let name = names[number as usize].to_owned();
        let folder = folder.join(&name);
        let host = Self {
            name,
            number,
            folder,
            network: PathBuf::new(),
            programs: programs.to_owned(),
            sshd: sshd.to_owned(),
            running: Mutex::new(None),
        };
        host.write_etc(names);
        host.write_home();
        host
    }

    fn write_etc(&self, names: &[&str]) {
        let etc = self.folder.join("etc");
        fs::create_dir_all(etc.join("ssh")).unwrap();
        let (user, id) = (self.user(), self.uid());
        let addresses = names.iter().zip(0..).map(|(name, number)| format!("{} {name}\n", address_of(number)));
        let neighbours = (0..).take(names.len()).filter(|number| *number != self.number).map(|number| {
            format!("neighbour replace {} lladdr {} dev eth0 nud permanent\n", address_of(number), mac_of(number))
        });
        fs::write(self.folder.join("neighbours"), neighbours.collect::<String>()).unwrap();
        for (file, text) in [
            ("passwd", format!("{SYSTEM_USERS}{user}:x:{id}:{id}::/home/{user}:/bin/bash\n")),
            ("shadow", format!("root:*:20000::::::\nsshd:*:20000::::::\n{user}:*:20000::::::\n")),
            ("group", format!("root:x:0:\ntty:x:5:\nnogroup:x:65534:\n{user}:x:{id}:\n")),
            ("hostname", format!("{}\n", self.name)),
            ("machine-id", format!("{:032x}\n", u128::from(fastrand::u64(1..)))),
            ("hosts", format!("127.0.0.1 localhost\n{}", addresses.collect::<String>())),
            ("ssh/sshd_config", SSHD_CONFIG.to_owned()),
        ] {
            fs::write(etc.join(file), text).unwrap();
        }
        make_key(&etc.join("ssh/ssh_host_ed25519_key"), &format!("root@{}", self.name));
        for entry in fs::read_dir("/etc").unwrap() {
            let name = entry.unwrap().file_name();
            let own = etc.join(&name);
            if own.symlink_metadata().is_err() {
                symlink(Path::new("/run/etc").join(&name), own).unwrap();
            }
        }
    }

    fn write_home(&self) {
        let home = self.path("");
        fs::create_dir_all(&home).unwrap();
        fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
        chown(&home, Some(self.uid()), Some(self.uid())).unwrap();
        for program in ["launcher", "deckwatch-mcp", "deckwatch-server"] {
            let link = self.prepare(&format!(".local/bin/{program}"));
            symlink(Path::new("/run/deckwatch/bin").join(program), link).unwrap();
        }
    }

    /// Begins to start the host on the bridge in the network namespace `network`.
    pub(super) fn spawn(&mut self, network: &Path) -> Starting {
        network.clone_into(&mut self.network);
        self.starting()
    }

    /// Completes the start.
    pub(super) fn finish(&self, starting: Starting) {
        *self.lock() = Some(starting.ready());
    }

    fn starting(&self) -> Starting {
        let address = format!("{}/10", self.address());
        let mac = mac_of(self.number);
        let port = self.port();
        let args = [
            self.folder.as_os_str(),
            OsStr::new(&self.name),
            OsStr::new(&address),
            OsStr::new(&mac),
            self.network.as_os_str(),
            OsStr::new(&port),
            self.programs.as_os_str(),
            self.sshd.as_os_str(),
        ];
        Starting::spawn(&self.name, include_str!("host.sh"), &args, &[])
    }

    fn lock(&self) -> MutexGuard<'_, Option<Namespaces>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn port(&self) -> String {
        format!("port{}", self.number)
    }

    /// The hostname.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The address, of the range that Tailscale uses.
    pub fn address(&self) -> String {
        address_of(self.number)
    }

    /// The name of the host's user.
    pub fn user(&self) -> String {
        format!("dev{}", self.number + 1)
    }

    /// The id of the host's user and of its group. It differs between hosts.
    pub fn uid(&self) -> u32 {
        2001 + self.number
    }

    /// The home folder of the host's user, as the host sees it.
    pub fn home(&self) -> String {
        format!("/home/{}", self.user())
    }

    /// The public SSH key of the host itself, without its comment.
    pub fn host_key(&self) -> String {
        public_key(&self.folder.join("etc/ssh/ssh_host_ed25519_key.pub")).unwrap()
    }

    /// The public SSH key of the host's user, without its comment. `None` if the user has no key.
    pub fn user_key(&self) -> Option<String> {
        public_key(&self.path(".ssh/id_ed25519.pub"))
    }

    /// Gives the host's user an SSH key, and returns its public half. A new host's user has no key.
    pub fn make_user_key(&self) -> String {
        let key = self.prepare_private(".ssh/id_ed25519");
        make_key(&key, &format!("{}@{}", self.user(), self.name));
        for file in [key.clone(), key.with_extension("pub")] {
            chown(file, Some(self.uid()), Some(self.uid())).unwrap();
        }
        self.user_key().unwrap()
    }

    /// A file of the home folder, as the test sees it. It exists also while the host is stopped.
    pub fn path(&self, below_home: &str) -> PathBuf {
        self.folder.join("home").join(self.user()).join(below_home)
    }

    /// Writes a file of the home folder, as the host's user. Missing folders get the mode 0755, `.ssh` 0700.
    pub fn write(&self, below_home: &str, text: impl AsRef<[u8]>) {
        let path = self.prepare_private(below_home);
        fs::write(&path, text).unwrap();
        chown(path, Some(self.uid()), Some(self.uid())).unwrap();
    }

    /// The content of a file of the home folder.
    #[track_caller]
    pub fn read(&self, below_home: &str) -> String {
        let path = self.path(below_home);
        let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {}: {error}", self.name, path.display()));
        String::from_utf8(bytes).unwrap()
    }

    /// Makes the folder of a file. Returns the path of the file.
    fn prepare(&self, below_home: &str) -> PathBuf {
        let path = self.path(below_home);
        let mut folder = self.path("");
        for part in Path::new(below_home).parent().unwrap() {
            folder.push(part);
            if fs::create_dir(&folder).is_ok() {
                chown(&folder, Some(self.uid()), Some(self.uid())).unwrap();
            }
        }
        path
    }

    fn prepare_private(&self, below_home: &str) -> PathBuf {
        let path = self.prepare(below_home);
        if below_home.starts_with(".ssh/") {
            fs::set_permissions(self.path(".ssh"), fs::Permissions::from_mode(0o700)).unwrap();
        }
        path
    }

    /// A command that runs as the host's user in the home folder. Its environment has only `HOME`, `USER`, `SHELL`,
    /// `PATH`, `LANG` and `variables`.
    pub fn command(&self, program: &str, args: &[&str], variables: &[(&str, &str)]) -> Command {
        let mut command = self.enter(self.uid(), &self.home());
        for (name, value) in [
            ("HOME", self.home()),
            ("USER", self.user()),
            ("SHELL", "/bin/bash".to_owned()),
            ("PATH", format!("{}/.local/bin:{SYSTEM_PATH}", self.home())),
            ("LANG", "C.UTF-8".to_owned()),
        ] {
            command.arg(format!("{name}={value}"));
        }
        command.args(variables.iter().map(|(name, value)| format!("{name}={value}")));
        command.arg(program).args(args);
        command
    }

    /// Runs a program as the host's user in the home folder, with `stdin` as its standard input.
    pub fn run(&self, program: &str, args: &[&str], stdin: &str, variables: &[(&str, &str)]) -> HostOutput {
        finished(&mut self.command(program, args, variables), stdin)
    }

    /// Runs a script in bash as root.
    pub fn run_as_root(&self, script: &str, args: &[&str]) -> HostOutput {
        let mut command = self.enter(0, "/");
        command.arg(format!("PATH={SYSTEM_PATH}")).args(["bash", "-euc", script, "bash"]).args(args);
        finished(&mut command, "")
    }

    fn enter(&self, id: u32, folder: &str) -> Command {
        let running = self.lock();
        running.as_ref().unwrap_or_else(|| panic!("{} is stopped", self.name)).command(id, folder)
    }

    /// Shows a folder of the machine that runs the test on the host, read-only, at `target`.
    pub fn share(&self, source: &Path, target: &str) {
        let source = Path::new("/run/test-machine").join(source.strip_prefix("/").unwrap());
        let script = r#"mkdir -p "$2"; mount --bind "$1" "$2"; mount -o remount,bind,ro "$2""#;
        self.run_as_root(script, &[source.to_str().unwrap(), target]).ok();
    }

    /// Cuts the host off: its packets are lost, as on a machine that sleeps.
    pub fn cut(&self) {
        self.set_link("down");
    }

    /// Ends [`Host::cut`].
    pub fn join(&self) {
        self.set_link("up");
    }

    fn set_link(&self, state: &str) {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.network.display())).args(["ip", "link", "set", &self.port(), state]);
        assert!(command.status().unwrap().success());
    }

    /// Makes sshd hang: it takes connections but does not answer.
    pub fn hang(&self) {
        self.run_as_root("kill -STOP $(< /run/sshd.pid)", &[]).ok();
    }

    /// Ends [`Host::hang`].
    pub fn resume(&self) {
        self.run_as_root("kill -CONT $(< /run/sshd.pid)", &[]).ok();
    }

    /// Switches the host off: every process on it ends. Its home folder stays.
    pub fn stop(&self) {
        drop(self.lock().take());
    }

    /// Starts the host again after [`Host::stop`].
    pub fn start(&self) {
        self.finish(self.starting());
    }

    /// What sshd has logged.
    pub fn sshd_log(&self) -> String {
        fs::read_to_string(self.folder.join("etc/ssh/log")).unwrap_or_default()
    }
}

const SYSTEM_USERS: &str = "root:x:0:0::/root:/bin/bash\nsshd:x:101:65534::/run/sshd:/usr/sbin/nologin\n";

/// The settings of Debian and macOS that matter here, without the password, PAM and DNS.
const SSHD_CONFIG: &str = "HostKey /etc/ssh/ssh_host_ed25519_key
PidFile /run/sshd.pid
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
PrintMotd no
LogLevel VERBOSE
Subsystem sftp internal-sftp
";

fn make_key(path: &Path, comment: &str) {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f"]).arg(path);
    assert!(command.stdin(Stdio::null()).status().unwrap().success());
}

fn public_key(path: &Path) -> Option<String> {
    let line = fs::read_to_string(path).ok()?;
    Some(line.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
}

fn finished(command: &mut Command, stdin: &str) -> HostOutput {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("nsenter runs");
    let mut pipe = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        // The program may end before it has read everything.
        scope.spawn(move || pipe.write_all(stdin.as_bytes()));
        child.wait_with_output().unwrap().into()
    })
}
