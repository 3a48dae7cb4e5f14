//! Registrations: the statements that store, find, change and delete them, each in one transaction with its component.

use crate::{
    clues,
    code_repository::{CodeRepository, Consent, StoredOption},
    components::{self, WorkspaceComponents},
    db::{Row, Tx, values},
    error::{Result, StoreError},
    names::check_code_repository_name,
    rows::{insert_row, load, update_row},
    secrets::Secrets,
    view::View,
};
use forgeport_model::{RemoteUrl, SecretReference, nearest};
use forgeport_vault::{Place, Sealed};
use zeroize::Zeroizing;

/// The registrations of a workspace.
pub struct CodeRepositories<'a>(pub(crate) View<'a>);

impl CodeRepositories<'_> {
    /// Stores a new registration; `component` is the bytes of a custom provider, which the store keeps until no registration names them.
    ///
    /// # Errors
    /// When the name is taken or breaks the rules, the component is missing, not what its digest says or says something else of its options
    /// than before, or a sealed option was made with another key or for another place. Nothing is stored then.
    pub async fn insert(&self, repository: &CodeRepository, component: Option<&[u8]>) -> Result<()> {
        check_code_repository_name(&repository.name)?;
        let tx = self.0.write().await?;
        insert_row(&tx, self.0.workspace, repository).await?;
        self.insert_options(&tx, repository).await?;
        clues::keep(&tx, self.0.workspace, repository).await?;
        self.ensure_component(&tx, repository, component).await?;
        tx.commit().await?;
        self.sweep_components().await;
        Ok(())
    }

    /// Replaces a registration that was read from this store: all of it but `id` and `created`.
    ///
    /// Returns what is now stored, whose `updated` has grown. `component` is as in [`Self::insert`].
    ///
    /// # Errors
    /// [`StoreError::Changed`] when somebody else changed or deleted it after it was read, so that no change is lost; otherwise as [`Self::insert`].
    pub async fn update(&self, repository: &CodeRepository, component: Option<&[u8]>) -> Result<CodeRepository> {
        check_code_repository_name(&repository.name)?;
        let (workspace, id) = (self.0.workspace, &repository.id);
        let tx = self.0.write().await?;
        update_row(&tx, workspace, repository).await?;
        tx.execute(
            "DELETE FROM code_repository_option WHERE workspace = $1 AND code_repository_id = $2",
            values![workspace, id],
        )
        .await?;
        self.insert_options(&tx, repository).await?;
        clues::keep(&tx, workspace, repository).await?;
        self.ensure_component(&tx, repository, component).await?;
        let stored = only(load(&tx, workspace, Some(id)).await?, &repository.name)?;
        tx.commit().await?;
        self.sweep_components().await;
        Ok(stored)
    }

    /// Gives a registration another name, and returns it.
    ///
    /// # Errors
    /// When there is no such registration, or the new name is taken or breaks the rules.
    pub async fn rename(&self, name: &str, new_name: &str) -> Result<CodeRepository> {
        check_code_repository_name(new_name)?;
        let tx = self.0.write().await?;
        let mut repository = self.by_name(&tx, name).await?;
        new_name.clone_into(&mut repository.name);
        update_row(&tx, self.0.workspace, &repository).await?;
        let renamed = only(load(&tx, self.0.workspace, Some(&repository.id)).await?, new_name)?;
        tx.commit().await?;
        Ok(renamed)
    }

    /// Deletes a registration by its exact name.
    ///
    /// # Errors
    /// When there is none.
    pub async fn delete(&self, name: &str) -> Result<()> {
        let tx = self.0.write().await?;
        let statement = "DELETE FROM code_repository WHERE workspace = $1 AND name = $2";
        if tx.execute(statement, values![self.0.workspace, name]).await? == 0 {
            return Err(self.unknown(&tx, name).await?);
        }
        tx.commit().await?;
        self.sweep_components().await;
        Ok(())
    }

    /// The registration of exactly this name.
    ///
    /// # Errors
    /// When there is none.
    pub async fn get(&self, name: &str) -> Result<CodeRepository> {
        self.by_name(&self.0.read().await?, name).await
    }

    /// The registration that a person means: by exact name, else id, else by the beginning of one name or id.
    ///
    /// # Errors
    /// When there is none, or several begin like this.
    pub async fn find(&self, text: &str) -> Result<CodeRepository> {
        let tx = self.0.read().await?;
        let known = self.names_and_ids(&tx).await?;
        let exact = known.iter().find(|(name, _)| name == text).or_else(|| known.iter().find(|(_, id)| id == text));
        let begin_so = |(name, id): &&(String, String)| name.starts_with(text) || id.starts_with(text);
        let candidates: Vec<_> = match exact {
            Some(exact) => vec![exact],
            None if text.is_empty() => vec![],
            None => known.iter().filter(begin_so).collect(),
        };
        match candidates[..] {
            [] => Err(self.unknown(&tx, text).await?),
            [(_, id)] => only(load(&tx, self.0.workspace, Some(id)).await?, text),
            _ => Err(StoreError::Ambiguous {
                text: text.to_owned(),
                candidates: candidates.iter().map(|(name, id)| format!("{name:?} ({id})")).collect(),
            }),
        }
    }

    /// All registrations, ordered by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn list(&self) -> Result<Vec<CodeRepository>> {
        load(&self.0.read().await?, self.0.workspace, None).await
    }

    /// Those that may track a checkout with these remotes, ordered by name; the others do not. Whether they do, each has to say itself.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn that_may_own(&self, remotes: &[RemoteUrl]) -> Result<Vec<CodeRepository>> {
        let tx = self.0.read().await?;
        let mut found = Vec::new();
        for id in clues::find(&tx, self.0.workspace, remotes).await? {
            found.extend(load(&tx, self.0.workspace, Some(&id)).await?);
        }
        found.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(found)
    }

    /// True if there is a registration of exactly this name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn is_taken(&self, name: &str) -> Result<bool> {
        let query = "SELECT 1 AS found FROM code_repository WHERE workspace = $1 AND name = $2";
        Ok(self.0.read().await?.first(query, values![self.0.workspace, name]).await?.is_some())
    }

    /// Encrypts a credential for one option of one registration; nowhere else can it be opened.
    ///
    /// # Errors
    /// When it is too long, or the key cannot be read or made.
    pub async fn seal(&self, repository: &CodeRepository, option: &str, value: &str) -> Result<StoredOption> {
        let shown = shown(&repository.name, option);
        let place = self.place(repository, option, &shown);
        let present = self.0.parts.keys.newest(&self.0.read().await?, self.0.workspace).await;
        let key = match present {
            Ok(Some((key, _))) => key,
            Err(error) if !error.is_of_the_key() => return Err(error),
            _ => {
                let tx = self.0.write().await?;
                let key = self.0.parts.keys.for_sealing(&tx, self.0.workspace).await?;
                tx.commit().await?;
                key
            }
        };
        Ok(StoredOption::Sealed(key.seal(&place, value)?))
    }

    /// The value of an option as the forge is to get it: decrypted, or taken from the secret that it refers to. `None` where it is not set.
    ///
    /// # Errors
    /// When the secret or its key is missing, or the value cannot be decrypted.
    pub async fn value(&self, repository: &CodeRepository, option: &str) -> Result<Option<Zeroizing<String>>> {
        let Some(stored) = repository.options.get(option) else {
            return Ok(None);
        };
        let shown = shown(&repository.name, option);
        let value = match stored {
            StoredOption::Plain(text) => Zeroizing::new(text.clone()),
            StoredOption::Reference(to) => Secrets(self.0).get(to.name(), to.key()).await?,
            StoredOption::Sealed(sealed) => self.0.open(&self.place(repository, option, &shown), sealed).await?,
        };
        Ok(Some(value))
    }

    /// A credential as it is to be stored.
    async fn current(&self, tx: &Tx<'_>, repository: &CodeRepository, option: &str, sealed: &Sealed) -> Result<Sealed> {
        let shown = shown(&repository.name, option);
        let place = self.place(repository, option, &shown);
        // What could never be read again must not be stored, so it is opened in any case.
        let value = self.0.open_in(tx, &place, sealed).await?;
        // Its key may have been deleted since, when no other value was sealed with it.
        let key = self.0.parts.keys.for_sealing(tx, self.0.workspace).await?;
        if sealed.key_id() == Some(key.id()) { Ok(sealed.clone()) } else { Ok(key.seal(&place, &value)?) }
    }

    async fn insert_options(&self, tx: &Tx<'_>, repository: &CodeRepository) -> Result<()> {
        for (name, option) in &repository.options {
            let (mut plain, mut reference, mut sealed) = (None, None, None);
            match option {
                StoredOption::Plain(text) => plain = Some(text),
                StoredOption::Reference(to) => reference = Some(to),
                StoredOption::Sealed(value) => sealed = Some(self.current(tx, repository, name, value).await?),
            }
            tx.execute(
                "INSERT INTO code_repository_option (workspace, code_repository_id, name, plain, secret_name, secret_key, sealed)
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
                values![
                    self.0.workspace,
                    &repository.id,
                    name,
                    plain,
                    reference.map(SecretReference::name),
                    reference.map(SecretReference::key),
                    sealed.as_ref().map(Sealed::as_bytes),
                ],
            )
            .await?;
        }
        Ok(())
    }

    async fn ensure_component(&self, tx: &Tx<'_>, repository: &CodeRepository, bytes: Option<&[u8]>) -> Result<()> {
        let digest = repository.provider.digest;
        if let Some(Consent { settings, .. }) = &repository.consent {
            components::describe(tx, self.0.workspace, digest, settings).await?;
        }
        if repository.provider.source.is_built_in() && bytes.is_none() {
            return Ok(());
        }
        self.components().ensure(digest, bytes).await
    }

    /// Follows a change that is stored already, so it cannot fail it: what cannot be removed now goes after another change.
    async fn sweep_components(&self) {
        let swept = async {
            let tx = self.0.write().await?;
            let named = components::sweep_rows(&tx, self.0.workspace).await?;
            self.components().sweep(&named).await?;
            tx.commit().await
        };
        let _ = swept.await;
    }

    fn components(&self) -> WorkspaceComponents {
        self.0.parts.components.of(self.0.workspace)
    }

    fn place<'p>(&'p self, repository: &'p CodeRepository, option: &'p str, shown: &'p str) -> Place<'p> {
        self.0.place("code_repository_option", &repository.id, option, shown)
    }

    async fn by_name(&self, tx: &Tx<'_>, name: &str) -> Result<CodeRepository> {
        let query = "SELECT id FROM code_repository WHERE workspace = $1 AND name = $2";
        match tx.first(query, values![self.0.workspace, name]).await? {
            Some(row) => only(load(tx, self.0.workspace, Some(&row.get::<String>("id")?)).await?, name),
            None => Err(self.unknown(tx, name).await?),
        }
    }

    async fn names_and_ids(&self, tx: &Tx<'_>) -> Result<Vec<(String, String)>> {
        let query = "SELECT name, id FROM code_repository WHERE workspace = $1 ORDER BY name";
        let rows = tx.query(query, values![self.0.workspace]).await?;
        rows.iter().map(|row: &Row| Ok((row.get("name")?, row.get("id")?))).collect()
    }

    async fn unknown(&self, tx: &Tx<'_>, name: &str) -> Result<StoreError> {
        let known = self.names_and_ids(tx).await?;
        Ok(StoreError::UnknownCodeRepository {
            name: name.to_owned(),
            nearest: nearest(name, known.iter().map(|(name, _)| name.as_str())),
        })
    }
}

fn shown(name: &str, option: &str) -> String {
    format!("--{option} of the code repository {name:?}")
}

fn only(mut loaded: Vec<CodeRepository>, name: &str) -> Result<CodeRepository> {
    loaded.pop().ok_or_else(|| StoreError::UnknownCodeRepository { name: name.to_owned(), nearest: None })
}
