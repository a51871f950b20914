//! The token of clients on TCP.

use std::path::Path;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ecomesh_api::{Problem, ProblemCode};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::Zeroizing;

use super::Refusal;
use crate::home::{FileError, files};

/// Shortest token in bytes; one that the node makes has 64.
const TOKEN_BYTES_MIN: usize = 16;
/// Longest token file in bytes.
const TOKEN_FILE_BYTES_MAX: u64 = 1024;

/// What a token is compared with: its SHA-256, so that the comparison takes the same time for every length.
#[derive(Clone)]
pub(crate) struct Token(Arc<[u8; 32]>);

/// Why there is no token. The operator acts.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TokenError {
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// Others may read it.
    #[error(
        "the token file {path} may be read by others (mode {mode:04o}); run `chmod 600 {path}`, or remove it and let the node make another"
    )]
    Exposed {
        /// The file.
        path: std::path::PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Too short to keep anyone out.
    #[error(
        "the token in {0} is shorter than {TOKEN_BYTES_MIN} characters; remove the file and let the node make another"
    )]
    Short(std::path::PathBuf),
    /// No randomness.
    #[error("the system gives no randomness for a token: {0}")]
    Random(String),
}

impl Token {
    /// Reads the token file, or makes it (0600).
    pub(crate) fn load_or_create(path: &Path) -> Result<Self, TokenError> {
        if !files::exists(path)? {
            let mut random = Zeroizing::new([0; 32]);
            getrandom::fill(random.as_mut_slice()).map_err(|e| TokenError::Random(e.to_string()))?;
            let text = Zeroizing::new(hex::encode(random.as_slice()) + "\n");
            files::write_private(path, text.as_bytes())?;
        }
        let mode = files::mode(path)?;
        if mode & 0o077 != 0 {
            return Err(TokenError::Exposed { path: path.into(), mode });
        }
        let text = Zeroizing::new(files::read_text(path, TOKEN_FILE_BYTES_MAX)?);
        let token = text.trim();
        if token.len() < TOKEN_BYTES_MIN {
            return Err(TokenError::Short(path.into()));
        }
        Ok(Self::of(token))
    }

    fn of(token: &str) -> Self {
        Self(Arc::new(Sha256::digest(token.as_bytes()).into()))
    }

    fn admits(&self, request: &Request) -> bool {
        let shown = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some(token) = shown.and_then(|text| text.strip_prefix("Bearer ")) else { return false };
        let hash: [u8; 32] = Sha256::digest(token.trim().as_bytes()).into();
        hash.ct_eq(&*self.0).into()
    }
}

/// Lets nobody in without the token. Nothing is told before it, not even what the node is.
pub(crate) async fn guard(State(token): State<Token>, request: Request, next: Next) -> Response {
    if token.admits(&request) {
        return next.run(request).await;
    }
    Refusal(
        Problem::new(ProblemCode::Unauthorized, "the token is missing or wrong")
            .advice("send the header authorization: Bearer TOKEN, with the token from the node's token file"),
    )
    .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn request(authorization: Option<&str>) -> Request {
        let mut request = Request::builder().uri("/health");
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, value);
        }
        request.body(Body::empty()).unwrap()
    }

    #[test]
    fn only_the_whole_token_gets_in() {
        let token = Token::of("0123456789abcdef");
        assert!(token.admits(&request(Some("Bearer 0123456789abcdef"))));
        for wrong in
            [None, Some(""), Some("Bearer "), Some("Bearer 0123456789abcde"), Some("Basic 0123456789abcdef")]
        {
            assert!(!token.admits(&request(wrong)), "{wrong:?}");
        }
    }

    #[test]
    fn a_token_is_made_once_and_must_be_private() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        Token::load_or_create(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        Token::load_or_create(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(Token::load_or_create(&path), Err(TokenError::Exposed { .. })));
        std::fs::write(&path, "short\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(Token::load_or_create(&path), Err(TokenError::Short(_))));
    }
}
