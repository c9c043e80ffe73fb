namespace Stoa.Market.Registry.Statements;

/// <summary>Every reason for which a statement is not taken.</summary>
public enum StatementFault
{
    /// <summary>The envelope holds something else, or its payload is no JSON object.</summary>
    NotAStatement,

    /// <summary>The payload is larger than <see cref="StatementLimits.MaxPayloadBytes"/>.</summary>
    TooLarge,

    /// <summary>The payload is not in canonical form, so what it says could have other ids as well.</summary>
    NotCanonical,

    /// <summary>This version knows no such kind, or no such version of its schema. A later one may.</summary>
    SchemaUnknown,

    /// <summary>Members are missing, unknown or wrong; every reason is listed.</summary>
    MembersInvalid,

    /// <summary>No signature was made by the key that the payload carries.</summary>
    SignatureInvalid,

    /// <summary>A review whose receipt is not vouched for by the node that it names.</summary>
    ProofInvalid,

    /// <summary>It is further ahead of this node's clock than <see cref="StatementLimits.MaxAhead"/>. Later it will not be.</summary>
    TooFarAhead,

    /// <summary>An offer that is over, as any before it: nothing is lost by not having it.</summary>
    Expired,

    /// <summary>The signer was erased at this node.</summary>
    SignerForgotten,

    /// <summary>Nobody whom this node knows vouches for the signer, and the statement has cost too little work.</summary>
    WorkMissing,

    /// <summary>The signer has as many statements here as it may. It can say something new in place of something old.</summary>
    TooManyStatements,

    /// <summary>The signer's statements here are as large as they may be.</summary>
    TooManyBytes,

    /// <summary>The signer has said as much today as it may. Tomorrow it may again.</summary>
    TooManyToday,

    /// <summary>The room for signers whom nobody vouches for is full.</summary>
    StrangersFull,
}

/// <summary>What follows from a fault.</summary>
public static class StatementFaults
{
    /// <summary>Whether the same statement may be taken later, here. Others are refused for good: by every node of this version, but for <see cref="StatementFault.SignerForgotten"/>.</summary>
    public static bool IsForNow(this StatementFault fault) => fault is StatementFault.TooFarAhead
        or StatementFault.TooManyStatements or StatementFault.TooManyBytes or StatementFault.TooManyToday or StatementFault.StrangersFull or StatementFault.WorkMissing;
}
