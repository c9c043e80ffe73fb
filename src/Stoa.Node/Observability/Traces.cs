using System.Diagnostics;

namespace Stoa.Node.Observability;

/// <summary>Where the node's own spans begin.</summary>
public static class Traces
{
    /// <summary>Name of the source, to listen to it.</summary>
    public const string SourceName = "Stoa.Node";

    /// <summary>Spans of the node's work: from submission through the queue to execution.</summary>
    public static ActivitySource Source { get; } = new(SourceName);
}
