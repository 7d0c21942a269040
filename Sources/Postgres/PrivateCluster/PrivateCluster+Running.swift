extension PrivateCluster {
  /// A libpq connection string for the cluster of a folder, if its server runs; nothing is started.
  ///
  /// - Parameters:
  ///   - folder: the folder that ``start(folder:)`` was given.
  ///   - user: a role that may log in.
  /// - Returns: nil if no server runs, or if this process may not see it.
  public static func connectionString(ofRunning folder: String, user: String) -> String? {
    let data = "\(folder)/data"
    guard let running = PostmasterFile(dataDirectory: data), running.isAlive(dataDirectory: data)
    else { return nil }
    return connectionString(socketDirectory: running.socketDirectory, user: user)
  }

  static func connectionString(
    socketDirectory: String, user: String, database: String = PrivateCluster.database
  ) -> String {
    let values = [
      ("host", socketDirectory), ("port", String(ClusterSettings.port)), ("user", user),
      ("dbname", database),
    ]
    return values.map { key, value in
      let escaped = value.replacing("\\", with: "\\\\").replacing("'", with: "\\'")
      return "\(key)='\(escaped)'"
    }.joined(separator: " ")
  }
}
