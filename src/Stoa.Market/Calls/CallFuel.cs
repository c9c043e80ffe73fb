namespace Stoa.Market.Calls;

/// <summary>What calls of the module <c>stoa</c> cost, in the engine's units of fuel: about as much as the agent could compute in the time they take.</summary>
/// <remarks>Part of what a receipt promises, so it depends only on what the agent asks and is answered, never on the node.</remarks>
public static class CallFuel
{
    /// <summary>Any call.</summary>
    public const long Call = 300;

    /// <summary>Each byte of a message: it is copied and read as JSON.</summary>
    public const long MessageByte = 4;

    /// <summary>Each byte of an answer that is read.</summary>
    public const long AnswerByte = 1;

    /// <summary>Each byte of the input of a call of another agent: it is copied and hashed.</summary>
    public const long InputByte = 2;

    /// <summary>Running another agent, beside what that burns itself: its instance is made and thrown away.</summary>
    public const long Run = 100_000;

    /// <summary>Each byte that is held against a JSON Schema of the called agent.</summary>
    public const long CheckedByte = 100;

    /// <summary>A refusal, beside the call: finding out what is wrong takes a node far longer than doing what is right.</summary>
    public const long Refusal = 20_000;
}
