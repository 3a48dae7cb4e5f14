//! Many threads and many processes at one store.

use crate::blocking::wait;
use crate::support::{
    Place, Store, custom, files_below, on_both, plain, register_with_token, registration, token_of, told, values, with,
};
use forgeport_model::Digest;
use forgeport_store::{KeySource, LOCAL, StoreError};
use std::{
    env,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, Barrier},
    thread,
};

const THREADS: usize = 8;
const ROUNDS: usize = 4;
const PROCESSES: usize = 6;
const DIRECTORY: &str = "STORE_TEST_DIRECTORY";
const NAME: &str = "STORE_TEST_NAME";

fn eight_threads_at_two_opened_stores_lose_nothing(place: &Place) {
    let stores = [place.open(), place.open()];
    let start = Barrier::new(THREADS);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (store, start) = (&stores[thread % 2], &start);
            scope.spawn(move || {
                start.wait();
                for round in 0..ROUNDS {
                    let name = format!("{thread}-{round}");
                    register_with_token(store, &name, &name);
                    store.secrets().create(&name, &values(&[("k", &name)])).unwrap();
                }
            });
        }
    });
    let store = place.open();
    assert_eq!(store.code_repositories().list().unwrap().len(), THREADS * ROUNDS);
    assert_eq!(store.secrets().list().unwrap().len(), THREADS * ROUNDS);
    for thread in 0..THREADS {
        for round in 0..ROUNDS {
            let name = format!("{thread}-{round}");
            assert_eq!(token_of(&store, &name).unwrap(), name);
            assert_eq!(store.secrets().get(&name, "k").unwrap().as_str(), name);
        }
    }
}

fn of_many_that_want_one_name_exactly_one_gets_it(place: &Place) {
    let stores = [place.open(), place.open()];
    let start = Barrier::new(THREADS);
    let outcomes: Vec<Result<(), StoreError>> = thread::scope(|scope| {
        let race = |thread: usize| {
            let repository = with(registration("one"), "owner", plain(&thread.to_string()));
            start.wait();
            stores[thread % 2].code_repositories().insert(&repository, None)
        };
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || race(thread))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for error in outcomes.into_iter().filter_map(Result::err) {
        assert!(matches!(error, StoreError::NameTaken { .. }), "{error:?}");
    }
}

fn changes_that_are_tried_again_after_a_conflict_are_all_there_in_the_end(place: &Place) {
    let stores = [place.open(), place.open()];
    stores[0].code_repositories().insert(&registration("one"), None).unwrap();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let repositories = stores[thread % 2].code_repositories();
            scope.spawn(move || {
                loop {
                    let read = repositories.get("one").unwrap();
                    match repositories.update(&with(read, &format!("option_{thread}"), plain("set")), None) {
                        Err(StoreError::Changed(_)) => continue,
                        outcome => break outcome.unwrap(),
                    }
                }
            });
        }
    });
    assert_eq!(stores[0].code_repositories().get("one").unwrap().options.len(), THREADS);
}

#[test]
fn components_that_come_and_go_at_once_are_there_exactly_while_they_are_named() {
    let place = Place::new();
    let stores = [place.open(), place.open()];
    let component = b"one component for all";
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let store = &stores[thread % 2];
            scope.spawn(move || {
                for _ in 0..ROUNDS {
                    let name = thread.to_string();
                    store.code_repositories().insert(&custom(&name, component), Some(component)).unwrap();
                    assert_eq!(store.component(Digest::of(component)).unwrap(), component);
                    store.code_repositories().delete(&name).unwrap();
                }
            });
        }
    });
    assert_eq!(files_below(&place.file("providers")), Vec::<PathBuf>::new());
}

#[test]
fn processes_that_open_a_new_store_at_once_agree_on_one_key_and_lose_nothing() {
    let place = Place::new();
    let children: Vec<Child> = (0..PROCESSES).map(|process| spawn(&place, &process.to_string())).collect();
    for child in children {
        assert_succeeded(child);
    }
    let store = place.open();
    for process in 0..PROCESSES {
        let name = process.to_string();
        assert_eq!(token_of(&store, &name).unwrap(), name);
        assert_eq!(store.secrets().get(&name, "k").unwrap().as_str(), name);
    }
}

fn tasks_of_a_runtime_share_a_store_and_lose_nothing(place: &Place) {
    let store = Arc::new(place.open().store);
    let tasks = (0..THREADS).map(|task| {
        let store = store.clone();
        // To be spawned a call has to be free to go on on another thread.
        async move {
            let (store, name) = (store.in_workspace(LOCAL), task.to_string());
            let repository = registration(&name);
            let sealed = store.code_repositories().seal(&repository, "token", &name).await?;
            store.code_repositories().insert(&with(repository, "token", sealed), None).await?;
            store.secrets().create(&name, &values(&[("k", &name)])).await?;
            let value = store.secrets().get(&name, "k").await?;
            store.secrets().rename(&name, &format!("{name}-renamed")).await?;
            Ok::<_, StoreError>(value.to_string() == name)
        }
    });
    let right = wait(async {
        let spawned: Vec<_> = tasks.map(tokio::spawn).collect();
        let mut right = Vec::new();
        for task in spawned {
            right.push(task.await.unwrap().unwrap());
        }
        right
    });
    assert_eq!(right, [true; THREADS]);
    assert_eq!(wait(store.in_workspace(LOCAL).code_repositories().list()).unwrap().len(), THREADS);
}

fn a_change_that_is_dropped_or_fails_leaves_nothing_and_the_next_one_takes_place(place: &Place) {
    let store = place.open();
    for round in 0..40 {
        store.secrets().create("s", &values(&[("k", "v")])).map(drop).unwrap_or_default();
        told(store.secrets().create("s", &values(&[("k", "v")])), &["already"]);
        let names = values(&[("good", "v"), ("not good", "v")]);
        told(store.secrets().create(&format!("t{round}"), &names), &["must"]);
        // Begun, and not waited for.
        let (name, more) = (format!("u{round}"), values(&[("k", "v")]));
        let late = async {
            let secrets = store.store.in_workspace("local").secrets();
            tokio::select! {
                biased;
                _ = secrets.create(&name, &more) => {}
                () = async { for _ in 0..round { tokio::task::yield_now().await } } => {}
            }
        };
        wait(late);
    }
    let kept = store.secrets().list().unwrap();
    assert!(kept.iter().all(|secret| secret.keys == ["k"]) && kept.iter().any(|secret| secret.name == "s"));
    store.secrets().create("after", &values(&[("k", "v")])).unwrap();
}

/// Runs `a_process_of_its_own` in one.
fn spawn(place: &Place, name: &str) -> Child {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "concurrency::a_process_of_its_own", "--ignored"]);
    command.env(DIRECTORY, place.directory()).env(NAME, name);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn assert_succeeded(child: Child) {
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
#[ignore = "other tests run it, in processes of its own"]
fn a_process_of_its_own() {
    let (Some(directory), Ok(name)) = (env::var_os(DIRECTORY), env::var(NAME)) else { return };
    let store = Store::open(&PathBuf::from(directory), KeySource::File).unwrap();
    register_with_token(&store, &name, &name);
    store.secrets().create(&name, &values(&[("k", &name)])).unwrap();
}

on_both! {
    a_change_that_is_dropped_or_fails_leaves_nothing_and_the_next_one_takes_place,
    tasks_of_a_runtime_share_a_store_and_lose_nothing,
    eight_threads_at_two_opened_stores_lose_nothing,
    of_many_that_want_one_name_exactly_one_gets_it,
    changes_that_are_tried_again_after_a_conflict_are_all_there_in_the_end,
}
