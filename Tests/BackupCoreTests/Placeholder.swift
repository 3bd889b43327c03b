import Testing
@testable import BackupCore
