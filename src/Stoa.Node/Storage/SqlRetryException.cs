namespace Stoa.Node.Storage;

/// <summary>Thrown by an act that met another one at work on the same thing, to be run again from its start.</summary>
/// <remarks>Only where acts run side by side; SQLite's never meet.</remarks>
public sealed class SqlRetryException(string message) : Exception(message);
