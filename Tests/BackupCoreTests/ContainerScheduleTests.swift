import BackupCore
import Testing

/// `container` in place of a server's `connection`.
@Suite struct ContainerScheduleTests {
    private typealias Sample = ScheduleSample

    @Test func `a container has a name, and else what most have`() throws {
        let text = Sample.file(server: #""container": { "name": "supabase-ai-db" }"#)
        let server = try #require(try Sample.decode(text).servers.first)
        #expect(server.container == Container(engine: .docker, name: "supabase-ai-db", user: "postgres"))
        #expect(server.connection.isEmpty)
    }

    @Test func `engine and user are taken as they stand`() throws {
        let text = Sample.file(
            server:
                #""container": { "engine": "podman", "socket": "/run/p.sock", "name": "pg.1_x-y", "user": "back up" }, "passfile": "/etc/p""#
        )
        let server = try #require(try Sample.decode(text).servers.first)
        #expect(
            server.container == Container(engine: .podman, socket: "/run/p.sock", name: "pg.1_x-y", user: "back up"))
        #expect(server.passfile == "/etc/p")
    }

    @Test(arguments: [
        (#""container": ‸{}"#, "$.servers.main.container", "missing"),
        (#""container": { "name": ‸"-rm" }"#, "$.servers.main.container.name", "no name of a container"),
        (#""container": { "name": ‸"a b" }"#, "$.servers.main.container.name", "no name of a container"),
        (#""container": { "name": ‸"é" }"#, "$.servers.main.container.name", "no name of a container"),
        (#""container": { "name": "a", "engine": ‸"lxc" }"#, "$.servers.main.container.engine", "no engine"),
        (#""container": { "name": "a", "user": ‸"" }"#, "$.servers.main.container.user", "empty"),
        (
            #""container": { "name": "a", "socket": ‸"docker.sock" }"#, "$.servers.main.container.socket",
            "no absolute path"
        ),
        (#""container": { "name": "a", ‸"password": "x" }"#, "$.servers.main.container.password", "password"),
        (#""container": ‸{ "name": "a" }, "connection": "user=u""#, "$.servers.main.container", "beside"),
        (#""container": ‸"a""#, "$.servers.main.container", "object"),
    ])
    func `a fault is told where it is`(server: String, path: String, words: String) {
        let marked = Sample.file(server: server)
        let faults = Sample.faults(marked.filter { $0 != Sample.mark })
        #expect(faults.count == 1, "\(faults)")
        #expect(faults.first?.description.contains("\(path): ") ?? false, "\(faults)")
        #expect(faults.first?.message.contains(words) ?? false, "\(faults)")
    }
}
