//! Errors as RFC 9457 problem details.

use std::error::Error;
use std::fmt;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use mycopod_engine::Refusal;
use mycopod_engine::view::Detail;
use mycopod_store::StoreError;
use serde::Serialize;
use utoipa::ToSchema;

/// The media type of problem details.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Why a request was not carried out (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDetails {
    /// Always `about:blank`: `code` tells problems apart.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What happened, what was not touched, what to do next.
    detail: String,
    /// The problem's name, for programs.
    code: &'static str,
    /// The fields of the request that are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    /// The declaration as it is now, with its new plan, where a confirmation came too late.
    #[serde(skip_serializing_if = "Option::is_none")]
    declaration: Option<Detail>,
}

/// A field of a request, and what is wrong with it.
#[derive(Debug, Serialize, ToSchema)]
pub struct FieldError {
    /// The field's name, or its path: `answers[0].question`.
    field: String,
    /// What is wrong with it.
    message: String,
}

/// The error of every handler. Shown as its text for people.
#[derive(Debug)]
pub struct Problem {
    details: Box<ProblemDetails>,
    retry_after: Option<u64>,
}

impl Problem {
    /// A problem with its status, its name for programs and its text for people.
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let details = ProblemDetails {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail.into(),
            code,
            errors: Vec::new(),
            declaration: None,
        };
        Self { details: Box::new(details), retry_after: None }
    }

    /// 400: the request cannot be understood.
    pub(crate) fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 401: nobody is logged in.
    pub(crate) fn unauthenticated(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, detail)
    }

    /// 403: this person may not.
    pub(crate) fn forbidden(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail)
    }

    /// 404.
    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// 409: it does not fit the state things are in.
    pub(crate) fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 422: one field of a well-formed request is wrong.
    pub(crate) fn invalid(field: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", message.clone()).with_field(field, message)
    }

    /// 429, with the seconds to wait.
    pub(crate) fn too_many(code: &'static str, detail: impl Into<String>, retry_after: u64) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(StatusCode::TOO_MANY_REQUESTS, code, detail) }
    }

    /// 503, with the seconds after which to try again.
    pub(crate) fn busy(detail: impl Into<String>, retry_after: u64) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail) }
    }

    /// 500. The cause belongs in the log, not in the answer.
    pub(crate) fn internal() -> Self {
        let detail = "Something went wrong inside MycoPod; its log says what.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }

    /// Names a field that is wrong.
    #[must_use]
    pub(crate) fn with_field(mut self, field: impl Into<String>, message: impl Into<String>) -> Self {
        self.details.errors.push(FieldError { field: field.into(), message: message.into() });
        self
    }

    /// Says that this field is what is wrong, where a request is and nothing says at which place.
    #[must_use]
    pub(crate) fn of_field(self, field: &str) -> Self {
        if self.status() != StatusCode::UNPROCESSABLE_ENTITY || !self.details.errors.is_empty() {
            return self;
        }
        let message = self.details.detail.clone();
        self.with_field(field, message)
    }

    /// Shows the declaration as it is now.
    #[must_use]
    pub(crate) fn with_declaration(mut self, declaration: Option<Detail>) -> Self {
        self.details.declaration = declaration;
        self
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.details.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.details.detail)
    }
}

impl Error for Problem {}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status(), axum::Json(&self.details)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if self.status() == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound(text) => Self::not_found(text),
            Refusal::Forbidden(text) => Self::forbidden("forbidden", text),
            Refusal::Invalid(text) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", text),
            Refusal::Field { field, why } => Self::invalid(&field, why),
            Refusal::Conflict(text) => Self::conflict("conflict", text),
            Refusal::Stale(text) => Self::conflict("stale", text),
            Refusal::Unavailable(text) => Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", text),
            Refusal::Internal(text) => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", text),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::EmailTaken => Self::conflict("email_taken", sentence(&error)),
            StoreError::LastAdmin => Self::conflict("last_admin", sentence(&error)),
            other => Refusal::from(other).into(),
        }
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        Refusal::from(error).into()
    }
}

/// An error's text as a sentence of its own.
fn sentence(error: &StoreError) -> String {
    let text = error.to_string();
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), chars.as_str()))
}

#[cfg(test)]
mod tests {
    use super::{FieldError, Problem, StatusCode, StoreError};

    #[test]
    fn a_refused_field_is_named() {
        let problem = Problem::invalid("email", "It has no @.");
        assert_eq!(problem.status(), StatusCode::UNPROCESSABLE_ENTITY);
        let [FieldError { field, message }] = problem.details.errors.as_slice() else { panic!("one error") };
        assert_eq!((field.as_str(), message.as_str()), ("email", "It has no @."));
    }

    #[test]
    fn the_stores_refusals_keep_their_meaning() {
        let problem = Problem::from(StoreError::LastAdmin);
        assert_eq!((problem.status(), problem.details.code), (StatusCode::CONFLICT, "last_admin"));
        assert!(problem.details.detail.starts_with("This is the last approved Admin"), "{}", problem.details.detail);
        assert_eq!(Problem::from(StoreError::LeaseLost).status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
