//! Places that cannot hold a store: the error says which and why.

use std::io::BufReader;
use std::process::Command;

use isr_layer::store::StoreErrorKind;

use super::*;

#[test]
fn a_file_in_the_place_of_the_directory_is_refused() {
    let dir = Dir::new();
    fs::write(dir.store(), "a file").unwrap();

    for path in [dir.store(), dir.store().join("below")] {
        let error = Disk::open(&path).unwrap_err();

        assert_eq!(error.kind(), StoreErrorKind::Denied);
        let text = error.to_string();
        assert!(text.contains(&path.display().to_string()), "{text}");
    }
    assert_eq!(fs::read(dir.store()).unwrap(), b"a file");
}

#[test]
fn a_directory_in_the_place_of_a_file_is_refused() {
    for name in ["marks.redb", "pages.redb"] {
        let dir = Dir::new();
        fs::create_dir_all(dir.store().join(name)).unwrap();

        let error = Disk::open(dir.store()).unwrap_err();

        assert_eq!(error.kind(), StoreErrorKind::Denied);
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
#[cfg(unix)]
fn only_the_owner_may_look_into_the_directory() {
    use std::os::unix::fs::PermissionsExt;

    let dir = Dir::new();
    drop(open(&dir.store()));

    let mode = fs::metadata(dir.store()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

/// Opens a store as a user for whom permissions count, and returns the kind and text of the error.
#[cfg(unix)]
fn open_unprivileged(path: &Path) -> Option<String> {
    use std::io::Read;

    const NOBODY: [&str; 4] = [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
    ];
    let wrapper = if is_root() { &NOBODY[..] } else { &[] };
    let can_run = wrapper.is_empty()
        || Command::new("setpriv")
            .args(&NOBODY[1..])
            .arg(std::env::current_exe().unwrap())
            .arg("--list")
            .output()
            .is_ok_and(|output| output.status.success());
    if !can_run {
        println!("SKIPPED: as root, and `setpriv` cannot run this program as another user");
        return None;
    }

    let mut child = child::command(wrapper, "open", path).spawn().unwrap();
    let mut output = String::new();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    reader.read_to_string(&mut output).unwrap();
    child.wait().unwrap();
    let result = output
        .split("result: ")
        .nth(1)
        .expect("it says how it ended");
    Some(result.lines().next().unwrap_or_default().to_owned())
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;

    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
#[cfg(unix)]
fn a_parent_without_permission_is_refused() {
    let dir = Dir::new();
    set_mode(&dir.0, 0o500);

    let result = open_unprivileged(&dir.store());
    set_mode(&dir.0, 0o700);

    if let Some(result) = result {
        assert!(result.starts_with("Denied: "), "{result}");
        assert!(
            result.contains(&dir.store().display().to_string()),
            "{result}"
        );
        assert!(!dir.store().exists());
    }
}

#[test]
#[cfg(unix)]
fn a_read_only_directory_is_refused() {
    let dir = Dir::new();
    fs::create_dir(dir.store()).unwrap();
    set_mode(&dir.0, 0o755);
    set_mode(&dir.store(), 0o555);

    let result = open_unprivileged(&dir.store());
    set_mode(&dir.store(), 0o755);

    if let Some(result) = result {
        assert!(result.starts_with("Denied: "), "{result}");
        assert!(result.contains("marks.redb"), "{result}");
    }
}

#[test]
#[cfg(unix)]
fn files_that_may_not_be_written_are_refused_and_stay() {
    for name in ["marks.redb", "pages.redb"] {
        let dir = Dir::new();
        set_mode(&dir.0, 0o755);
        drop(open(&dir.store()));
        set_mode(&dir.store(), 0o777);
        for file in ["marks.redb", "pages.redb"] {
            set_mode(
                &dir.store().join(file),
                if file == name { 0o444 } else { 0o666 },
            );
        }
        let before = fs::read(dir.store().join(name)).unwrap();

        let result = open_unprivileged(&dir.store());

        set_mode(&dir.store().join(name), 0o644);
        if let Some(result) = result {
            // Without being root, the files are our own, and their owner is refused as well.
            assert!(
                result.starts_with("Denied: ") && result.contains(name),
                "{result}"
            );
        }
        assert!(fs::read(dir.store().join(name)).unwrap() == before);
        assert!(!dir.store().join(format!("{name}.broken")).exists());
    }
}
