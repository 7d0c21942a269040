import CDatagrams
import Foundation
import Glibc
import Postgres
import Server

/// nfacctd of pmacct: flows into hourly rows of a Postgres.
enum NfacctdPeer: Peer {
  static let name = "nfacctd"
  static let programs = ["nfacctd", "postgres"]
  private static let port: UInt16 = 9_996

  static func measure() throws -> [PeerFigures] {
    let postgres = try ScratchPostgres("nfacctd-postgres")
    let rate = try LossFreeSearch.find(
      from: 20_000, to: 5_000_000, steps: 6, seconds: 4
    ) { rate, seconds in try attempt(rate, seconds, postgres) }
    return [
      PeerFigures(
        name: "nfacctd, hourly rows in Postgres", recordsPerSecond: rate,
        promises: PeerPromises(
          acks: false, durable: "every few seconds", deduplicates: false, sumsByHour: true),
        note: "NetFlow v5, 30 flows in 1,464 bytes; the highest rate found at which the sums in "
          + "Postgres are exact after 8 seconds, rows written every 3")
    ]
  }

  private static func attempt(
    _ rate: Double, _ seconds: Double, _ postgres: ScratchPostgres
  ) throws -> (sent: Int64, stored: Int64) {
    let scratch = try ScratchDirectory("nfacctd")
    let connection = try postgres.connect()
    try connection.run(script: table)
    let file = try scratch.write(configuration(postgres.socketDirectory), to: "nfacctd.conf")
    let program = try ScratchProgram("nfacctd", ["-f", file], in: scratch)
    try program.awaitPort(port, .udp)
    sleep(1)
    if let core = Cores.shared.receiver { _ = lg_pin(program.identifier, core) }
    let sent = try FlowSender.send(rate: rate, seconds: seconds, to: port)
    sleep(1)
    // What is still in memory is written on the way out.
    try program.stop(SIGINT, within: 60)
    let stored: Int64 = try settled(connection)
    return (sent, stored)
  }

  /// The flows in the table once they grow no more: the writers may outlive the program.
  private static func settled(_ connection: PostgresConnection) throws -> Int64 {
    var last: Int64 = -1
    while true {
      let now: Int64 = try connection.execute(
        "SELECT coalesce(sum(packets), 0)::bigint FROM acct"
      ).integer(0, 0)
      let writers: Int = try connection.execute(
        """
        SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()
        """
      ).integer(0, 0)
      if now == last, writers == 0 { return now }
      last = now
      usleep(500_000)
    }
  }

  private static let table = """
    DROP TABLE IF EXISTS acct;
    CREATE TABLE acct (
      ip_src inet NOT NULL, port_dst integer NOT NULL, ip_proto smallint NOT NULL,
      tos integer NOT NULL, packets bigint NOT NULL, bytes bigint NOT NULL,
      stamp_inserted timestamp NOT NULL, stamp_updated timestamp,
      PRIMARY KEY (ip_src, port_dst, ip_proto, tos, stamp_inserted));
    """

  private static func configuration(_ socketDirectory: String) -> String {
    """
    daemonize: false
    nfacctd_ip: 127.0.0.1
    nfacctd_port: \(port)
    nfacctd_pipe_size: 4194304
    nfacctd_time_new: true
    plugins: pgsql
    aggregate: src_host, dst_port, proto, tos
    sql_host: \(socketDirectory)
    sql_db: weighbridge
    sql_user: postgres
    sql_passwd: none
    sql_table: acct
    sql_optimize_clauses: true
    sql_num_protos: true
    sql_history: 1h
    sql_history_roundoff: h
    sql_refresh_time: 3
    sql_cache_entries: 262147
    plugin_pipe_size: 268435456
    plugin_buffer_size: 262144

    """
  }
}
