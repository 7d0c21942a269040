import ArgumentParser
import Server

/// `weighbridge certificate`
struct Certify: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "certificate",
    abstract: "Certify a finalized period with a signature, and check certificates.",
    subcommands: [Make.self, Key.self, Check.self], defaultSubcommand: Make.self)

  /// `weighbridge certificate make`, or without the last word
  struct Make: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Write the certificate of a finalized period of one tenant.",
      discussion: """
        The period is verified first; one in which Postgres and the log differ is not certified. \
        The certificate is one line of JSON with the figures, the part of the log that they come \
        from, and a signature (Ed25519) by the key of this installation. The service may run \
        meanwhile.
        """)

    @OptionGroup var database: DatabaseOptions
    @Option(help: ArgumentHelp("The month, such as 2026-01.", valueName: "month"))
    var period: String
    @Option(help: "The tenant.") var tenant: String
    @Option(
      help: ArgumentHelp(
        "Write it to this file, put in place at once; default: standard output.",
        valueName: "file"))
    var output: String?
    @Flag(help: "With --output, print what was written as JSON.") var json = false

    func run() throws {
      let layout = try ServiceOptions.layout(of: database.configuration())
      let month = try Period.parse(period)
      let rollups = try database.open()
      let certificate = try ProgressLine.whileReading { progress throws(CommandFailure) in
        try CertificateMaker.make(
          layout, from: rollups, tenant: tenant, period: month, progress: progress)
      }
      let bytes = try certificate.signed(in: layout)
      guard let output else { return Console.write(String(decoding: bytes, as: UTF8.self)) }
      try CertificateFile.write(bytes, to: output)
      Console.write(
        try json
          ? CertificateText.json(certificate) : CertificateText.text(certificate, file: output))
    }
  }

  /// `weighbridge certificate key`
  struct Key: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print the public key that certificates of this installation are checked with.",
      discussion: """
        Give it to whoever checks certificates, by another way than the certificates themselves. \
        The text of a key is "ed25519:" and its 32 bytes in hexadecimal; the fingerprint is the \
        SHA-256 of these bytes, for comparing by eye.
        """)

    @OptionGroup var service: ServiceOptions
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
      let layout = try service.layout()
      let key = try CertificateKey(of: layout)
      Console.write(
        try json
          ? JSONOutput.text(key)
          : "\(key.publicKey)\n\(key.fingerprint)\n")
    }
  }

  /// `weighbridge certificate check`
  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Check a certificate, and with --config also what it says.",
      discussion: """
        The signature is checked without anything else: no service, no configuration, no Postgres. \
        With --config or --data-directory, every row of the period in Postgres, its row in \
        billing_periods and every byte of the segments that the certificate names are compared too.

        Exits 0 if everything is right, 1 if the file is no valid certificate or something \
        differs, and 3 if nothing differs but rows cannot be recomputed any more because their \
        segments were deleted.
        """)

    @OptionGroup var database: DatabaseOptions
    @Argument(help: "The certificate.") var file: String
    @Option(help: ArgumentHelp("The public key, as certificate key prints it.", valueName: "key"))
    var publicKey: String
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
      let certificate = try CertificateFile.read(file, publicKey: publicKey)
      var comparison: CertificateComparison?
      if database.service.isGiven || database.postgresUrl != nil {
        let layout = try ServiceOptions.layout(of: database.configuration())
        let rollups = try database.open()
        comparison = try ProgressLine.whileReading { progress throws(CommandFailure) in
          try CertificateComparison(of: certificate, with: layout, rollups, progress: progress)
        }
      }
      Console.write(
        try json
          ? CertificateText.json(certificate, comparison)
          : CertificateText.text(certificate, comparison))
      try Ending.end(comparison?.exit ?? .done)
    }
  }
}
