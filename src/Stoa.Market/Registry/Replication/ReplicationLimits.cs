using Stoa.Market.Registry.Statements;

namespace Stoa.Market.Registry.Replication;

/// <summary>How much there may be of what in a reconciliation: all who speak <c>/stoa/registry/1</c> have the same.</summary>
public static class ReplicationLimits
{
    /// <summary>Coded symbols of a set that are kept and told: enough for 5,500 differences.</summary>
    public const int MaxSymbols = 8_192;

    /// <summary>Coded symbols that are kept up of sets which are gone through quickly: enough for 30 differences. So many are also told of sets that seem to differ in too much: they show whether it is so.</summary>
    public const int FirstSymbols = 64;

    /// <summary>Keys of others under which a node keeps sketches up: 256 KiB each.</summary>
    public const int MaxKeptSketches = 16;

    /// <summary>With more differences than this sketches are not tried.</summary>
    public const int MaxSketchedDifferences = 5_500;

    /// <summary>Ranges of one message.</summary>
    public const int MaxRangesAtOnce = 64;

    /// <summary>Ranges of one session.</summary>
    public const int MaxRanges = 32_768;

    /// <summary>Items of one message that statements are asked for by.</summary>
    public const int MaxWantedAtOnce = 256;

    /// <summary>Statements that are asked for in one session; the rest is for the next.</summary>
    public const int MaxWanted = 32_768;

    /// <summary>Items of one message that are offered.</summary>
    public const int MaxOfferedAtOnce = 1_024;

    /// <summary>Items that are offered in one session.</summary>
    public const int MaxOffered = 8_192;

    /// <summary>Statements of one message.</summary>
    public const int MaxStatementsAtOnce = 256;

    /// <summary>A message of statements ends with the one that brings it above this, in bytes.</summary>
    public const int EnoughBytes = 1 << 20;

    /// <summary>The longest signature, in bytes: one of P-256 in DER has at most 72.</summary>
    public const int MaxSignatureBytes = 80;

    /// <summary>The longest message that the asking side sends but for statements, in bytes.</summary>
    public const int MaxQuestionBytes = 64 * 1024;

    /// <summary>The longest message with statements, in bytes.</summary>
    public const int MaxMessageBytes = EnoughBytes + StatementLimits.MaxPayloadBytes + (64 * 1024);

    /// <summary>Statements in pages that one session has, in bytes; a later one goes on.</summary>
    public const long MaxPagedBytes = 256L << 20;

    /// <summary>Who has less than one part in so many of what the other has takes all of it in pages.</summary>
    public const int PagesBelow = 8;

    /// <summary>Sets below this size are never taken in pages.</summary>
    public const int PagesFrom = 1_024;
}
