namespace Stoa.Market.Calls;

/// <summary>Why a node does not do what an agent asks of it. The answer is <c>{"error":"…","detail":"…"}</c> with the case's name in camelCase.</summary>
public enum CallRefusal
{
    /// <summary>The message has more than <see cref="AgentCalls.MaxMessageBytes"/> bytes.</summary>
    MessageTooLong,

    /// <summary>The message is not one JSON object in UTF-8.</summary>
    MessageInvalid,

    /// <summary>The member <c>op</c> is missing, or names nothing that this node does.</summary>
    OperationUnknown,

    /// <summary>A member of the message is missing, unknown, repeated, or of another type or range than the operation takes.</summary>
    MemberInvalid,
}
