//! Tokens of every kind, and what each may do.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::registry::Project;

/// The e-mail address that goes with a [`TokenKind::BitbucketApi`] token as its user name.
pub const BITBUCKET_EMAIL: &str = "ada@example.com";

/// The user name that goes with a [`TokenKind::GitlabDeploy`] token.
pub const GITLAB_DEPLOY_USER: &str = "gitlab+deploy-token-1";

/// The kinds of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// `ghp_`, with the scopes `repo` and `read:user`.
    GithubClassic,
    /// `github_pat_`, with the permission to read contents.
    GithubFineGrained,
    /// `ghs_`, of a GitHub App's installation; it has no user.
    GithubInstallation,
    /// `ghs_`, the `GITHUB_TOKEN` of Actions; it has no user.
    GithubActions,
    /// `glpat-`, with the scope `read_api`.
    GitlabPersonal,
    /// `glpat-`, of a project's bot user.
    GitlabProject,
    /// `glpat-`, of a group's bot user.
    GitlabGroup,
    /// `glcbt-`, the `CI_JOB_TOKEN`: git, single commits and raw files, but neither the project nor archives.
    GitlabJob,
    /// `gldt-`, used with [`GITLAB_DEPLOY_USER`]: git only, never the API.
    GitlabDeploy,
    /// `ATCTT3x`, of a repository, project or workspace: `Bearer`, no user.
    BitbucketAccess,
    /// `ATATT3x`, of a user: Basic with [`BITBUCKET_EMAIL`].
    BitbucketApi,
    /// 40 hexadecimal digits.
    Gitea,
}

impl TokenKind {
    fn secret(self, unique: u64) -> String {
        match self {
            Self::GithubClassic => format!("ghp_{unique:036}"),
            Self::GithubFineGrained => format!("github_pat_{unique:022}_{unique:059}"),
            Self::GithubInstallation | Self::GithubActions => format!("ghs_{unique:036}"),
            Self::GitlabPersonal | Self::GitlabProject | Self::GitlabGroup => {
                format!("glpat-{unique:020}")
            }
            Self::GitlabJob => format!("glcbt-64_{unique:020}"),
            Self::GitlabDeploy => format!("gldt-{unique:020}"),
            Self::BitbucketAccess => format!("ATCTT3xFfGN0{unique:040}"),
            Self::BitbucketApi => format!("ATATT3xFfGF0{unique:040}"),
            Self::Gitea => format!("{unique:040x}"),
        }
    }

    /// Whether `GET /user` answers it.
    pub(crate) fn has_user(self) -> bool {
        !matches!(
            self,
            Self::GithubInstallation
                | Self::GithubActions
                | Self::GitlabJob
                | Self::GitlabDeploy
                | Self::BitbucketAccess
        )
    }
}

/// How far a token reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Every repository.
    All,
    /// These private repositories (full names), and public ones.
    Only(Vec<String>),
    /// None: it has expired or was revoked.
    Expired,
    /// None until it is authorised for single sign-on.
    SingleSignOn,
    /// None, as it lacks the scope or permission to read code.
    NoPermission,
}

/// A token that was handed out.
#[derive(Clone)]
pub(crate) struct Token {
    pub kind: TokenKind,
    pub access: Access,
}

impl Token {
    pub fn reads(&self, project: &Project) -> bool {
        match &self.access {
            Access::All => true,
            Access::Only(names) => names.iter().any(|name| name.eq_ignore_ascii_case(&project.full_name())),
            Access::Expired | Access::SingleSignOn | Access::NoPermission => false,
        }
    }
}

/// Who asks. A credential that nobody knows never gets this far.
#[derive(Clone)]
pub(crate) enum Caller {
    Anonymous,
    Known(Token),
}

impl Caller {
    pub fn reads(&self, project: &Project) -> bool {
        !project.private || matches!(self, Self::Known(token) if token.reads(project))
    }

    pub fn token(&self) -> Option<&Token> {
        match self {
            Self::Anonymous => None,
            Self::Known(token) => Some(token),
        }
    }
}

pub(crate) struct Tokens {
    /// Differs between forges, so that no token of one is good at another.
    base: u64,
    known: Mutex<HashMap<String, Token>>,
}

impl Tokens {
    pub fn new(base: u64) -> Self {
        Self { base, known: Mutex::default() }
    }

    pub fn issue(&self, kind: TokenKind, access: Access) -> String {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let unique = self.base * 1_000_000 + known.len() as u64 + 1;
        let secret = kind.secret(unique);
        known.insert(secret.clone(), Token { kind, access });
        secret
    }

    pub fn know(&self, secret: &str, kind: TokenKind, access: Access) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(secret.to_owned(), Token { kind, access });
    }

    pub fn revoke(&self, secret: &str) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(secret);
    }

    /// The token, if it is one of the kinds and has not expired.
    pub fn check(&self, secret: &str, kinds: &[TokenKind]) -> Option<Token> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(secret).filter(|token| kinds.contains(&token.kind) && token.access != Access::Expired).cloned()
    }
}
