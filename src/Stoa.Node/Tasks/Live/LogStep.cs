using Stoa.Market.Tasks;

namespace Stoa.Node.Tasks.Live;

/// <summary>What one who follows a log is given next.</summary>
public abstract record LogStep
{
    private LogStep()
    {
    }

    /// <summary>A piece of text.</summary>
    /// <param name="Start">Where it begins.</param>
    /// <param name="End">Where the next one will begin.</param>
    /// <param name="Attempt">Which execution wrote it, from 1.</param>
    /// <param name="SkippedBytes">What lay between the piece before and this one, and is kept no more.</param>
    /// <param name="Text">Whole characters; bytes that are not UTF-8 are U+FFFD.</param>
    public sealed record Piece(LogPosition Start, LogPosition End, int Attempt, long SkippedBytes, string Text) : LogStep;

    /// <summary>The task has ended: nothing more will come.</summary>
    /// <param name="Task">In its final state.</param>
    /// <param name="End">Where its log ended.</param>
    public sealed record Ended(AgentTask Task, LogPosition End) : LogStep;
}
