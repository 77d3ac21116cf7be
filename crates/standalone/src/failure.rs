//! Why nothing was recorded: one sentence, and the remedy.

use std::fmt;
use std::io;

use reenact_supervisor::SupervisorError;

#[derive(Debug)]
pub struct Failure {
    pub message: String,
    pub hint: String,
}

impl Failure {
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Failure {
        Failure {
            message: message.into(),
            hint: hint.into(),
        }
    }

    /// Of a call that the system has refused.
    pub fn system(what: &str, error: &io::Error, hint: &str) -> Failure {
        let text = error.to_string();
        let reason = text.split(" (os error").next().unwrap_or(&text);
        Failure::new(format!("{what}: {reason}"), hint)
    }
}

impl From<SupervisorError> for Failure {
    fn from(error: SupervisorError) -> Failure {
        Failure::new(error.to_string(), error.hint())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if !self.hint.is_empty() {
            write!(f, "\n  {}", self.hint)?;
        }
        Ok(())
    }
}
