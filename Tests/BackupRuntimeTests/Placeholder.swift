import Testing
@testable import BackupRuntime
