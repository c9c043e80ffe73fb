namespace Stoa.Client;

/// <summary>How far an upload or a download has come.</summary>
/// <param name="BytesDone">Sent or received.</param>
/// <param name="BytesTotal">Of all; null where it is not known.</param>
public readonly record struct TransferProgress(long BytesDone, long? BytesTotal);
