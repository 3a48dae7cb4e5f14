//! Each use case leaves exactly its record, in its workspace only.

use super::*;
use crate::{AuditFilter, Changes, Config, Home, Host, SecretValues};
use forgeport_model::{ComponentSource, Digest, Origin, Policy, Workspace};
use forgeport_store::{KeySource, ProviderRef};

const VALUE: &str = "hunter2-hunter2";

struct Scene {
    _home: tempfile::TempDir,
    ours: Service,
    theirs: Service,
}

async fn scene() -> Scene {
    let home = tempfile::tempdir().unwrap();
    let config = Config {
        home: Home { data: home.path().join("data"), cache: home.path().join("cache") },
        key: KeySource::File,
        new_key: None,
        policy: Policy::default(),
        ca_file: None,
    };
    let host = Host::open(config).await.unwrap();
    let theirs = host.workspace(Workspace::new("other", "Other"));
    Scene { ours: host.workspace(Workspace::local()), theirs, _home: home }
}

fn values(keys: &[&str]) -> SecretValues {
    keys.iter().map(|key| ((*key).to_owned(), VALUE.to_owned().into())).collect()
}

/// A registration of a custom component that may reach one origin.
async fn stored(service: &Service, name: &str) -> CodeRepository {
    let component = b"component";
    let source = ComponentSource::File("/component.wasm".into());
    let provider = ProviderRef { name: "custom".into(), version: "1".into(), digest: Digest::of(component), source };
    let grants = [Grant::reading(Origin::parse("https://forge.example").unwrap())].into_iter().collect();
    let consent = forgeport_store::Consent { settings: Vec::new(), access: forgeport_model::Access::default() };
    let repository = CodeRepository { grants, consent: Some(consent), ..CodeRepository::new(name, "custom", provider) };
    service.store().code_repositories().insert(&repository, Some(component)).await.unwrap();
    repository
}

impl Scene {
    /// What is recorded; none of it in the other workspace, none with a secret's value, and numbered without a gap.
    async fn recorded(&self) -> Vec<(AuditAction, String, String)> {
        assert_eq!(self.theirs.audit(AuditFilter::default()).await.unwrap(), []);
        let records = self.ours.audit(AuditFilter::default()).await.unwrap();
        assert!(!format!("{records:?}").contains(VALUE), "{records:?}");
        let sequence: Vec<u64> = records.iter().filter_map(|record| record.sequence).collect();
        assert_eq!(sequence, (1..=records.len() as u64).collect::<Vec<_>>());
        assert!(records.iter().all(|record| record.context.workspace == "local"));
        let changes = records.iter().filter_map(AuditRecord::change);
        changes.map(|change| (change.action, change.subject.clone(), change.detail.clone())).collect()
    }
}

fn expected(action: AuditAction, subject: &str, detail: &str) -> (AuditAction, String, String) {
    (action, subject.to_owned(), detail.to_owned())
}

#[tokio::test]
async fn each_change_of_a_secret_leaves_its_record() {
    let scene = scene().await;
    scene.ours.create_secret("s", &values(&["b", "a"])).await.unwrap();
    scene.ours.update_secret("s", &values(&["c"]), &["a".into()]).await.unwrap();
    scene.ours.rename_secret("s", "t").await.unwrap();
    scene.ours.delete_secret("t", false).await.unwrap();
    scene.ours.rotate_key(None).await.unwrap();
    let [created, updated, renamed, deleted, rotated] = &scene.recorded().await[..] else { panic!() };
    assert_eq!(*created, expected(AuditAction::SecretCreated, "s", "set a, b"));
    assert_eq!(*updated, expected(AuditAction::SecretUpdated, "s", "set c; removed a"));
    assert_eq!(*renamed, expected(AuditAction::SecretRenamed, "s", "to t"));
    assert_eq!(*deleted, expected(AuditAction::SecretDeleted, "t", ""));
    assert_eq!((rotated.0, rotated.1.as_str()), (AuditAction::KeyRotated, "master key"));
}

#[tokio::test]
async fn each_change_of_a_registration_leaves_its_record_under_its_name() {
    let scene = scene().await;
    let repository = stored(&scene.ours, "models").await;
    stored(&scene.theirs, "models").await;
    let changes = Changes { name: Some("weights".into()), description: Some("x".into()), ..Changes::default() };
    scene.ours.update("models", changes).await.unwrap();
    scene.ours.revoke("weights", "https://forge.example").await.unwrap();
    scene.ours.delete("weights").await.unwrap();
    let all = [
        expected(AuditAction::Updated, "weights", "renamed from models; description"),
        expected(AuditAction::Revoked, "weights", "https://forge.example"),
        expected(AuditAction::Deleted, "weights", ""),
    ];
    assert_eq!(scene.recorded().await, all);
    let filter = AuditFilter { repository: Some("weights".into()), ..AuditFilter::default() };
    let records = scene.ours.audit(filter).await.unwrap();
    assert!(records.len() == 3 && records.iter().all(|record| record.context.registration == repository.id));
    let refused = AuditFilter { refused: true, ..AuditFilter::default() };
    assert_eq!(scene.ours.audit(refused).await.unwrap(), []);
}

#[tokio::test]
async fn what_fails_leaves_no_record() {
    let scene = scene().await;
    scene.ours.delete("nobody").await.unwrap_err();
    scene.ours.delete_secret("none", true).await.unwrap_err();
    scene.ours.create_secret("s", &SecretValues::new()).await.unwrap_err();
    assert_eq!(scene.recorded().await, []);
}

#[test]
fn what_a_person_grants_is_what_was_not_granted_before() {
    let grant = |host: &str, private| Grant { private, ..Grant::reading(Origin::parse(host).unwrap()) };
    let (one, other) = (grant("https://one.example", false), grant("https://other.example", true));
    let before: Grants = [one.clone()].into_iter().collect();
    let after: Grants = [one.clone(), other].into_iter().collect();
    assert_eq!(newly_granted(&before, &after, false), ["https://other.example (also private)"]);
    assert_eq!(newly_granted(&Grants::default(), &after, true), ["https://other.example (also private)"]);
    assert_eq!(newly_granted(&Grants::default(), &before, true), Vec::<String>::new());
    let now_private: Grants = [Grant { private: true, ..one }].into_iter().collect();
    assert_eq!(newly_granted(&before, &now_private, false), ["https://one.example (also private)"]);
}
