pub fn handler(_: &str, _: &str) -> Option<crate::call::Handler> { None }
