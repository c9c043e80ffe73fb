namespace Stoa.Market.Calls;

/// <summary>How far an agent says that it is.</summary>
/// <param name="Done">In units of its own: rows, bytes, steps.</param>
/// <param name="Total">How many there will be; null when it does not know.</param>
/// <param name="Message">What it is doing, at most <see cref="ProgressBoard.MaxMessageLength"/> characters of a stranger's text; null for nothing.</param>
public sealed record AgentProgress(long Done, long? Total, string? Message);
