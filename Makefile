# Every target can be called on a fresh Debian 12 with Rust and Node 20, as root, and again.
# What is missing is installed by scripts/setup, which says what it does.
.PHONY: help run build dev test lint fmt generate setup
.DEFAULT_GOAL := help
.NOTPARALLEL:
SHELL := /bin/bash

UI_SOURCES := $(shell find frontend -path frontend/node_modules -prune -o -path frontend/dist -prune -o -type f -print)

help: ## Say what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

run: build ## Build, and run the server with its UI on http://localhost:4000
	target/release/mycopod serve

build: setup frontend/dist/index.html ## Build target/release/mycopod with the UI inside
	cargo build --locked --release --package mycopod-cli

dev: setup frontend/node_modules/.package-lock.json ## Serve the UI by Vite on port 3000, beside a running server
	npm --prefix frontend run dev

test: setup frontend/dist/index.html ## Run all tests: Rust, UI, and both together in a browser
	scripts/setup test
	scripts/test

lint: setup frontend/node_modules/.package-lock.json ## Check format, lints and types
	scripts/lint

fmt: setup frontend/node_modules/.package-lock.json ## Format all sources
	cargo fmt --all
	npm --prefix frontend run format

generate: setup frontend/node_modules/.package-lock.json ## Write the generated files anew: OpenAPI document, API types, schema
	scripts/generate

setup:
	@scripts/setup build

frontend/node_modules/.package-lock.json: frontend/package.json frontend/package-lock.json
	npm --prefix frontend ci --no-audit --no-fund
	@touch $@

frontend/dist/index.html: frontend/node_modules/.package-lock.json $(UI_SOURCES)
	npm --prefix frontend run build
	@touch $@
