/// The configuration file of the private cluster.
enum ClusterSettings {
  /// Port number; it only names the socket file, since no port is opened.
  static let port = 5432

  /// The text of `postgresql.conf`, written anew at every start that is not an adoption.
  static func text(socketDirectory: String) -> String {
    """
    # Written by weighbridge at every start of the private cluster; changes are lost.
    listen_addresses = ''
    port = \(port)
    unix_socket_directories = \(quoted(socketDirectory))
    unix_socket_permissions = 0700
    max_connections = 20

    # What is committed stays: these three carry the promise.
    fsync = on
    synchronous_commit = on
    full_page_writes = on

    # Beside an ingesting service: modest memory, checkpoints far apart, steady writing.
    shared_buffers = 256MB
    dynamic_shared_memory_type = posix
    wal_buffers = 16MB
    min_wal_size = 256MB
    max_wal_size = 2GB
    checkpoint_timeout = 15min
    checkpoint_completion_target = 0.9
    max_worker_processes = 4
    max_parallel_workers = 2
    max_wal_senders = 2
    jit = off

    timezone = 'UTC'
    log_timezone = 'UTC'
    datestyle = 'iso'
    lc_messages = 'C'
    log_line_prefix = '%m [%p] %a '
    log_checkpoints = off
    log_min_error_statement = panic

    # Seven files at most, one for each day of the week.
    logging_collector = on
    log_directory = 'log'
    log_filename = 'postgresql-%a.log'
    log_rotation_age = 1d
    log_rotation_size = 0
    log_truncate_on_rotation = on

    """
  }

  /// Only local connections, and only who may enter the socket's directory makes one.
  static let hostAccess = """
    # Written by weighbridge: the socket's directory has mode 0700.
    local all all trust

    """

  private static func quoted(_ text: String) -> String {
    "'\(text.replacing("'", with: "''"))'"
  }
}
