//! Generated from the interface in `wit/`.

wit_bindgen::generate!({
    world: "code-provider",
    path: "wit",
    pub_export_macro: true,
    additional_derives: [PartialEq],
    export_macro_name: "export_component",
    default_bindings_module: "forgeport_provider::bindings",
});
