import BackupCore
import Testing

/// What a server's kernel says of its machine.
@Suite struct ServerMachineTests {
    private static let status = "Name:\tpostgres\nCpus_allowed:\tf\nCpus_allowed_list:\t0-2,7\nMems_allowed_list:\t0\n"
    private static let memory = "MemTotal:       24684564 kB\nMemFree:  100 kB\nMemAvailable:   20000000 kB\n"

    private func machine(_ mounts: String? = nil, limits: [String] = []) -> ServerMachine {
        ServerMachine(status: Self.status, memory: Self.memory, mounts: mounts, limits: limits)
    }

    @Test func `cores that it may run on, memory that nobody uses`() {
        #expect(machine().cores == 4)
        #expect(machine().availableMemory == 20_000_000 << 10)
        #expect(ServerMachine(status: nil, memory: nil, mounts: nil, limits: []) == ServerMachine())
        let odd = ServerMachine(
            status: "Cpus_allowed_list:\tx\n", memory: "MemAvailable: much kB", mounts: "", limits: [])
        #expect(odd == ServerMachine())
    }

    @Test func `the smallest limit of its groups counts`() {
        #expect(machine(limits: ["max\n", "536870912\n", "max"]).availableMemory == 512 << 20)
        #expect(machine(limits: ["max\n"]).availableMemory == 20_000_000 << 10)
        #expect(
            ServerMachine.limits(of: "0::/system.slice/postgresql@15-main.service\n") == [
                "/sys/fs/cgroup/system.slice/postgresql@15-main.service/memory.max",
                "/sys/fs/cgroup/system.slice/memory.max", "/sys/fs/cgroup/memory.max",
            ])
        #expect(ServerMachine.limits(of: "0::/\n") == ["/sys/fs/cgroup/memory.max"])
        // Groups of the first version, and no answer at all.
        #expect(ServerMachine.limits(of: "4:memory:/docker/1\n").isEmpty && ServerMachine.limits(of: "").isEmpty)
    }

    @Test func `room for shared memory: what a container was given, or half of all`() {
        let docker = "overlay / overlay rw 0 0\nshm /dev/shm tmpfs rw,nosuid,nodev,noexec,relatime,size=65536k 0 0\n"
        #expect(machine(docker).sharedMemory == 64 << 20)
        #expect(machine("tmpfs /dev/shm tmpfs rw,size=2g 0 0").sharedMemory == 2 << 30)
        #expect(machine("tmpfs /dev/shm tmpfs rw,size=1048576 0 0").sharedMemory == 1 << 20)
        #expect(machine("tmpfs /dev/shm tmpfs rw,nosuid 0 0").sharedMemory == 24_684_564 << 9)
        #expect(machine("/dev/sda /dev/shm ext4 rw 0 0").sharedMemory == nil)
    }
}
