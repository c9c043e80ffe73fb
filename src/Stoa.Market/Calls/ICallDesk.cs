using System.Buffers;
using Stoa.Wasm;

namespace Stoa.Market.Calls;

/// <summary>Runs other agents on behalf of one that runs.</summary>
/// <remarks>What it answers follows from what was asked before and from the agents alone, never from the node or the time: so a run with calls replays.</remarks>
public interface ICallDesk
{
    /// <summary>Begins a call, which then takes its input.</summary>
    /// <param name="agent">Full name of the version.</param>
    /// <param name="parameters">Its settings by name.</param>
    Outcome<IOpenCall, CallRefusal> Open(string agent, IReadOnlyDictionary<string, string> parameters);
}

/// <summary>A call that has not run yet, or whose answer has not been read to its end.</summary>
public interface IOpenCall
{
    /// <summary>Adds to the input.</summary>
    /// <returns>False when that would be more than the input may have, or there is no memory for it: nothing was taken.</returns>
    bool TryWrite(ReadOnlySpan<byte> bytes);

    /// <summary>Runs the called agent to its end, on the input as it is now. Once.</summary>
    /// <param name="caller">Charged for it, and stopped with it.</param>
    /// <exception cref="TrapException">The caller has to stop.</exception>
    CallAnswer Run(Caller caller);

    /// <summary>Gives back what is kept for it.</summary>
    void Close();
}

/// <summary>What a call comes to.</summary>
/// <param name="IsOutput">It succeeded, and these are the bytes that the agent wrote; otherwise they are an error as JSON.</param>
/// <param name="Bytes">Of the answer.</param>
public readonly record struct CallAnswer(bool IsOutput, ReadOnlySequence<byte> Bytes);

/// <summary>A desk that is closed: says why to whoever wants to call.</summary>
/// <param name="why">A whole sentence, the same wherever the agent runs.</param>
public sealed class ClosedCallDesk(string why) : ICallDesk
{
    /// <summary>Where a program runs by itself, without a node and a catalogue.</summary>
    public static ClosedCallDesk WithoutNode { get; } = new("Here an agent runs without a node, and nobody else can be called. Submit it as a task to a node.");

    public Outcome<IOpenCall, CallRefusal> Open(string agent, IReadOnlyDictionary<string, string> parameters) =>
        new Refusal<CallRefusal>(CallRefusal.CallsUnavailable, why);
}
