//! Guests that take all they can get.

use crate::bench::{Bench, Call, Expect, case, limited};
use crate::guest::{Guest, guest};
use forgeport_model::Limit;

const GROW: &str = "(loop (br_if 0 (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) unreachable";
const MEMORY: Expect = Expect::Limit(Limit::Memory);
const TABLES: Expect = Expect::Limit(Limit::TableElements);

fn instances(number: usize, module: &str) -> String {
    let instances = "(core instance (instantiate $m))".repeat(number);
    format!("(component (core module $m {module}) {instances})")
}

fn growing(item: &str, body: &str) -> Guest {
    guest().item(item).with("login", format!("{body} unreachable"))
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_bounded_however_it_is_taken() {
    let many = "(memory $a 1) (memory $b 1) (memory $c 1)";
    let grow_many = "(loop (drop (memory.grow $a (i32.const 1))) (drop (memory.grow $b (i32.const 1))) (drop (memory.grow $c (i32.const 1))) (br 0))";
    let touched =
        "(local $at i32) (drop (memory.grow (i32.const 1000))) (loop (i32.store (local.get $at) (i32.const 1))
      (local.set $at (i32.add (local.get $at) (i32.const 4096))) (br 0)) unreachable";
    Bench::new()
        .await
        .run(vec![
            case("grown a page at a time", Call::Login, guest().with("login", GROW), MEMORY),
            case("grown in the start function", Call::Describe, guest().with("start", GROW), MEMORY),
            case("grown in realloc", Call::Resolve, guest().with("realloc", GROW), MEMORY),
            case("grown at once and touched", Call::Login, guest().with("login", touched), MEMORY),
            limited(
                "grown to 256 MiB and touched",
                Call::Login,
                guest().with("login", touched.replace("1000", "4000")),
                &["memory=256MiB", "cpu_time=20s"],
                Expect::Trap("out of bounds"),
            ),
            case("several memories of one module", Call::Login, growing(many, grow_many), Expect::Load("memories")),
            case("large from the start", Call::Login, guest().memory("(memory (export \"memory\") 17)"), MEMORY),
            case("4 GiB from the start", Call::Describe, guest().memory("(memory (export \"memory\") 65536)"), MEMORY),
            case("six memories of a nested instance", Call::Login, guest().beside(instances(6, "(memory 3)")), MEMORY),
            case(
                "more memories than there is room for",
                Call::Login,
                guest().beside(instances(9, "(memory 1)")),
                Expect::Load("memories"),
            ),
            case(
                "a data segment beyond the memory",
                Call::Login,
                guest().item("(data (i32.const 131070) \"beyond\")"),
                Expect::Trap("out of bounds"),
            ),
            case(
                "a nested start function that grows",
                Call::Login,
                guest().beside(instances(1, &format!("(memory 1) (start $s) (func $s {GROW})"))),
                MEMORY,
            ),
        ])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_bounded_however_they_are_taken() {
    let grow = "(loop (drop (table.grow $t (ref.null func) (i32.const 100))) (br 0))";
    let by_turns = "(loop (drop (table.grow $t (ref.null func) (i32.const 10))) (drop (table.grow $u (ref.null func) (i32.const 10))) (br 0))";
    Bench::new()
        .await
        .run(vec![
            case("grown", Call::Login, growing("(table $t 1 funcref)", grow), TABLES),
            case(
                "two of one module",
                Call::Login,
                growing("(table $t 1 funcref) (table $u 1 funcref)", by_turns),
                Expect::Load("tables"),
            ),
            case("large from the start", Call::Login, guest().item("(table 1001 funcref)"), TABLES),
            case("many of nested instances", Call::Login, guest().beside(instances(11, "(table 100 funcref)")), TABLES),
            case(
                "larger than there is room for",
                Call::Login,
                guest().item("(table 4000000000 funcref)"),
                Expect::Load("table"),
            ),
            case(
                "more than there is room for",
                Call::Login,
                guest().item(&"(table 1 funcref)".repeat(80)),
                Expect::Load("tables"),
            ),
        ])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn core_instances_are_bounded() {
    let limit = Expect::Limit(Limit::Instances);
    let nested = (0..20).fold(instances(1, ""), |inner, depth| {
        let inner = inner.replacen("(component", &format!("(component $c{depth}"), 1);
        format!(
            "(component {inner} (instance (instantiate $c{depth})) (core module $m) (core instance (instantiate $m)))"
        )
    });
    Bench::new()
        .await
        .run(vec![
            limited("ten empty ones", Call::Login, guest().beside(instances(10, "")), &["instances=8"], limit),
            limited("twenty, each in another", Call::Login, guest().beside(nested), &["instances=8"], limit),
            case(
                "more than there is room for",
                Call::Describe,
                guest().beside(instances(100, "")),
                Expect::Load("instances"),
            ),
        ])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn handles_are_bounded() {
    let many = "(loop (drop (call $new (i32.const 1))) (br 0)) unreachable";
    Bench::new()
        .await
        .run(vec![limited(
            "own resources without end",
            Call::Login,
            guest().with("login", many),
            &["cpu_time=30s"],
            Expect::Trap("handle limit"),
        )])
        .await;
}
