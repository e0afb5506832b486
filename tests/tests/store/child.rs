//! Other processes: this program again, with a task in its environment.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::*;

const TASK: &str = "ISR_STORE_TASK";
const PATH: &str = "ISR_STORE_PATH";

/// A command that runs this program again with a task, below a wrapper such as `setpriv`.
pub(crate) fn command(wrapper: &[&str], task: &str, path: &Path) -> Command {
    let program = std::env::current_exe().unwrap();
    let mut command = match wrapper {
        [] => Command::new(program),
        [first, rest @ ..] => {
            let mut command = Command::new(first);
            command.args(rest).arg(program);
            command
        }
    };
    command
        .args([
            "child::a_process_of_another_test",
            "--exact",
            "--ignored",
            "--nocapture",
        ])
        .env(TASK, task)
        .env(PATH, path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

/// Reads the output of a process up to a line that contains `word`.
pub(crate) fn wait_for(output: &mut impl BufRead, word: &str) {
    let mut line = String::new();
    while !line.contains(word) {
        line.clear();
        assert!(
            output.read_line(&mut line).unwrap() > 0,
            "it ended before `{word}`"
        );
    }
}

/// A process that has a store open until it is told to close it.
pub(crate) struct Holder {
    child: Child,
    _output: Box<dyn BufRead + Send>,
}

impl Holder {
    pub(crate) fn start(path: &Path) -> Self {
        let mut child = command(&[], "hold", path).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        wait_for(&mut output, "open");
        Self {
            child,
            _output: Box::new(output),
        }
    }

    pub(crate) fn close(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
#[ignore = "does the task of another test"]
fn a_process_of_another_test() {
    let (Ok(task), Some(path)) = (std::env::var(TASK), std::env::var_os(PATH)) else {
        return;
    };
    let path = PathBuf::from(path);
    match &task[..] {
        "hold" => {
            let disk = open(&path);
            println!("open");
            let _ = std::io::stdin().read(&mut [0]);
            drop(disk);
        }
        "open" => match Disk::open(&path) {
            Ok(_) => println!("result: opened"),
            Err(error) => println!("result: {:?}: {error}", error.kind()),
        },
        "work" => kill::work(&path),
        "serve" => kill_layer::serve(&path),
        "break" => rotten::break_copies(&path),
        task => panic!("no such task: {task}"),
    }
}
