//! What a browser gets: the user interface, the documentation, and headers that keep both safe.

use axum::http::StatusCode;

use crate::server::{ADMIN, Server};

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let server = Server::start().await;
    for path in ["/", "/dashboard", "/api/v1/ping", "/api/v1/nothing", "/missing.js", "/api/v1/declarations"] {
        let answer = server.get(path).send().await;
        assert!(answer.header("content-security-policy").contains("default-src 'self'"), "{path}");
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert!(["no-store", "no-cache"].contains(&answer.header("cache-control")), "{path}");
    }
}

#[tokio::test]
async fn the_uis_routes_get_its_page_and_know_whether_it_changed() {
    let server = Server::start().await;
    let page = server.get("/declarations/019a0000").send().await;
    assert_eq!((page.status, page.header("content-type")), (StatusCode::OK, "text/html; charset=utf-8"));
    assert_eq!(page.body, server.get("/").send().await.body);
    let again = server.get("/").header("if-none-match", page.header("etag")).send().await;
    assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
    server.get("/assets/missing.js").send().await.is_problem(404, "not_found");
}

#[tokio::test]
async fn the_documentation_needs_nothing_from_elsewhere() {
    let server = Server::start().await;
    let document = server.get("/api/v1/openapi.json").send().await;
    assert_eq!(String::from_utf8(document.body.to_vec()).unwrap(), mycopod_server::openapi_json());
    let page = server.get("/api/v1/docs/").send().await;
    assert_eq!(page.status, StatusCode::OK);
    let html = String::from_utf8(page.body.to_vec()).unwrap();
    assert!(html.contains("swagger-ui-bundle.js") && !html.contains("http"), "{html}");
    assert_eq!(server.get("/api/v1/docs/swagger-ui-bundle.js").send().await.status, StatusCode::OK);
    let start = server.get("/api/v1/docs/swagger-initializer.js").send().await;
    assert!(String::from_utf8(start.body.to_vec()).unwrap().contains("/api/v1/openapi.json"));
}

#[tokio::test]
async fn health_and_metrics_need_no_login_and_metrics_no_paths() {
    let server = Server::start().await;
    for path in ["/ping", "/api/v1/ping"] {
        let answer = server.get(path).send().await;
        assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, &b"\"pong\""[..]), "{path}");
    }
    assert_eq!(server.get("/healthz").send().await.status, StatusCode::OK);
    let ready = server.get("/readyz").send().await;
    assert_eq!((ready.status, &ready.json()["database"]["ok"]), (StatusCode::OK, &true.into()));
    let token = server.token(ADMIN).await;
    server.get("/api/v1/declarations/019a0000-0000-7000-8000-000000000000").token(&token).send().await;
    server.ask("BREW".parse().unwrap(), "/some/where").send().await;
    let metrics = String::from_utf8(server.get("/metrics").send().await.body.to_vec()).unwrap();
    let line = r#"mycopod_http_requests_total{method="GET",route="/api/v1/declarations/{id}",status="404"}"#;
    assert!(metrics.contains(line), "{metrics}");
    for line in [
        r#"mycopod_up{part="database"} 1"#,
        r#"mycopod_up{part="proxmox"} 0"#,
        r#"mycopod_cluster_up{cluster="main"} 0"#,
        "mycopod_drifted_fields 0",
    ] {
        assert!(metrics.contains(line), "{metrics}");
    }
    assert!(metrics.contains(r#"mycopod_declarations{status="converged"} 0"#), "{metrics}");
    assert!(
        !metrics.contains("019a0000") && !metrics.contains("BREW") && !metrics.contains("/some/where"),
        "{metrics}"
    );
}

#[tokio::test]
async fn pages_are_compressed_and_events_are_not() {
    let server = Server::start().await;
    let page = server.get("/api/v1/openapi.json").header("accept-encoding", "gzip").send().await;
    assert_eq!(page.header("content-encoding"), "gzip");
    let token = server.token(ADMIN).await;
    let events = server.get("/api/v1/events").token(&token).header("accept-encoding", "gzip").stream().await;
    assert!(!events.headers().contains_key("content-encoding"));
}
