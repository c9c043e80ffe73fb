namespace Stoa.Node.Storage;

/// <summary>The connection broke at a commit, which may have happened: all of the act is written, or nothing of it.</summary>
/// <remarks>Who writes again must first look for what the act would have written.</remarks>
public sealed class CommitUnknownException(string message, Exception? innerException) : IOException(message, innerException);
