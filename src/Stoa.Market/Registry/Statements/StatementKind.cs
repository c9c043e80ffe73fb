namespace Stoa.Market.Registry.Statements;

/// <summary>What a statement is about. On the wire it is the name in lower case.</summary>
public enum StatementKind
{
    /// <summary>Who a publisher says to be.</summary>
    Profile,

    /// <summary>A version of an agent, or of a model, a template, a bundle or a dataset.</summary>
    Listing,

    /// <summary>Whether a version is withdrawn.</summary>
    Withdrawal,

    /// <summary>Whether a listing or a version should not be used any more, and what instead.</summary>
    Deprecation,

    /// <summary>What a node offers, for a while.</summary>
    Offer,

    /// <summary>What a consumer thinks of an agent, with a node's word that there is a receipt.</summary>
    Review,

    /// <summary>That a listing goes on under another key.</summary>
    Transfer,

    /// <summary>How a node shares out prices.</summary>
    Split,

    /// <summary>How many receipts a node has given.</summary>
    Summary,
}

/// <summary>Which of several statements under one key stands.</summary>
public enum MergeRule
{
    /// <summary>The newest: the maximum by (timestamp, id).</summary>
    Newest,

    /// <summary>The first, the minimum by (timestamp, id); and the first one that says something else beside it, as a proof that the signer has contradicted itself.</summary>
    Once,
}

/// <summary>What follows from a kind.</summary>
public static class StatementKinds
{
    /// <summary>How statements of a kind merge: a published version never changes, all else may be said anew.</summary>
    public static MergeRule Rule(this StatementKind kind) => kind is StatementKind.Listing ? MergeRule.Once : MergeRule.Newest;

    /// <summary>The latest version of a kind's schema. A statement has the first one that can say what it says, so that nodes that know no later one go on understanding what they can.</summary>
    public static int LatestSchema(this StatementKind kind) => kind switch
    {
        StatementKind.Listing => 5,
        StatementKind.Offer => 4,
        _ => 1,
    };

    /// <summary>The kind as a statement names it.</summary>
    public static string Word(this StatementKind kind) => kind switch
    {
        StatementKind.Profile => "profile",
        StatementKind.Listing => "listing",
        StatementKind.Withdrawal => "withdrawal",
        StatementKind.Deprecation => "deprecation",
        StatementKind.Offer => "offer",
        StatementKind.Review => "review",
        StatementKind.Transfer => "transfer",
        StatementKind.Split => "split",
        StatementKind.Summary => "summary",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "A kind of statement is expected."),
    };

    /// <summary>Reads what <see cref="Word"/> gives, or says that the text is anything else.</summary>
    public static bool TryParse(string? word, out StatementKind kind)
    {
        foreach (var candidate in Enum.GetValues<StatementKind>())
        {
            if (candidate.Word() != word)
                continue;
            kind = candidate;
            return true;
        }

        kind = default;
        return false;
    }
}
