// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]

let package = Package(
    name: "archon-backupd",
    products: [
        .executable(name: "archon-backupd", targets: ["archon-backupd"]),
        // For the tests alone: preloaded into the daemon to step its clock.
        .library(name: "WallClock", type: .dynamic, targets: ["WallClock"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.6.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.5.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.8.0"),
    ],
    targets: [
        .systemLibrary(name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CSystemd", pkgConfig: "libsystemd", providers: [.apt(["libsystemd-dev"])]),
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CXXHash", pkgConfig: "libxxhash", providers: [.apt(["libxxhash-dev"])]),
        .systemLibrary(name: "CIsal", pkgConfig: "libisal", providers: [.apt(["libisal-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CMalloc"),
        .systemLibrary(name: "CFileSystem"),
        .systemLibrary(name: "CLinux"),
        .target(name: "BackupCore", swiftSettings: strict),
        .target(
            name: "BackupRuntime",
            dependencies: [
                "BackupCore", "CLibPQ", "CSystemd", "CCrypto", "CXXHash", "CIsal", "CZstd", "CZlib",
                "CMalloc", "CLinux", "CFileSystem",
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "archon-backupd",
            dependencies: [
                "BackupRuntime", "BackupCore",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),
        // What `make bench` runs; nothing of it is installed.
        .executableTarget(
            name: "Benchmarks",
            dependencies: [
                "BackupCore", "BackupRuntime", "TestSupport", .product(name: "GRDB", package: "GRDB.swift"),
            ],
            path: "Benchmarks/Sources", swiftSettings: strict),
        .target(name: "WallClock", path: "Tests/WallClock"),
        .target(
            name: "TestSupport",
            dependencies: [
                "BackupCore", "BackupRuntime",
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            path: "Tests/TestSupport", swiftSettings: strict),
        .testTarget(
            name: "BackupCoreTests", dependencies: ["BackupCore", "BackupRuntime", "TestSupport"], swiftSettings: strict
        ),
        .testTarget(
            name: "BackupRuntimeTests",
            dependencies: [
                "BackupRuntime", "BackupCore", "TestSupport", .product(name: "GRDB", package: "GRDB.swift"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "SystemTests", dependencies: ["BackupCore", "BackupRuntime", "TestSupport", "archon-backupd"],
            swiftSettings: strict),
    ]
)
