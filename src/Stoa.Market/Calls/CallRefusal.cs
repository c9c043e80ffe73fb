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

    /// <summary>No agent can be called where this one runs: to make a bid, or without a node.</summary>
    CallsUnavailable,

    /// <summary>The agent is not among the <c>uses</c> of the caller's manifest.</summary>
    AgentUndeclared,

    /// <summary>The called agent does not take these parameters.</summary>
    ParametersInvalid,

    /// <summary>The input does not fit the JSON Schema of the called agent.</summary>
    InputInvalid,

    /// <summary>The entry of <c>uses</c> allows no more calls, or the task does not.</summary>
    CallsTooMany,

    /// <summary>At its limits the call could cost more than is left of the entry's <c>maxPrice</c>.</summary>
    PriceTooHigh,

    /// <summary>Other open answers hold the memory that the call needs.</summary>
    NoRoom,

    /// <summary>The called agent failed; the answer's member <c>failure</c> says how.</summary>
    CallFailed,

    /// <summary>No model can be asked where this agent runs: its manifest has no <c>asks</c>, or it makes a bid, or runs without a node.</summary>
    ModelsUnavailable,

    /// <summary>The model is not among the <c>asks</c> of the agent's manifest.</summary>
    ModelUndeclared,

    /// <summary>The body is not what the endpoint takes, or longer than the entry of <c>asks</c> allows.</summary>
    RequestInvalid,

    /// <summary>The entry of <c>asks</c> allows no more requests, or the task does not.</summary>
    RequestsTooMany,

    /// <summary>The model was not asked, or did not answer; the members <c>status</c> and <c>code</c> say why, as OpenAI's API would.</summary>
    AskFailed,
}
