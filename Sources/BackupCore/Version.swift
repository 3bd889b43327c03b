/// The version of this program, as `--version`, manifests and the journal say it.
package enum Version {
    package static let current = "0.1.0"
}
