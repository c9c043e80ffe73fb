using System.Buffers;
using Stoa.Wasm;

namespace Stoa.Market.Calls;

/// <summary>Runs other agents, and asks models, on behalf of one that runs.</summary>
/// <remarks>What agents answer follows from what was asked before and from the agents alone, never from the node or the time: so a run with calls replays. What models answer does not.</remarks>
public interface ICallDesk
{
    /// <summary>Begins a call, which then takes its input.</summary>
    /// <param name="agent">Full name of the version; without the version where a range took it.</param>
    /// <param name="parameters">Its settings by name.</param>
    Outcome<IOpenCall, CallRefusal> Open(string agent, IReadOnlyDictionary<string, string> parameters);

    /// <summary>Begins a request to a model, which then takes its body.</summary>
    /// <param name="path">The endpoint of OpenAI's API, such as <c>chat/completions</c>.</param>
    Outcome<IOpenCall, CallRefusal> Ask(string path);
}

/// <summary>A call, or a request to a model, that has not run yet, or whose answer has not been read to its end.</summary>
public interface IOpenCall
{
    /// <summary>Adds to the input, which of a request is its body.</summary>
    /// <returns>False when that would be more than the input may have, or there is no memory for it: nothing was taken.</returns>
    bool TryWrite(ReadOnlySpan<byte> bytes);

    /// <summary>Runs the called agent to its end, or asks the model, on the input as it is now. Once.</summary>
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

/// <summary>A desk that is closed: says why to whoever wants to call or to ask.</summary>
/// <param name="why">Nobody can be called: a whole sentence, the same wherever the agent runs.</param>
/// <param name="whyUnasked">No model can be asked: likewise.</param>
public sealed class ClosedCallDesk(string why, string whyUnasked) : ICallDesk
{
    /// <summary>Where a program runs by itself, without a node and a catalogue.</summary>
    public static ClosedCallDesk WithoutNode { get; } = new(
        "Here an agent runs without a node, and nobody else can be called. Submit it as a task to a node.",
        "Here an agent runs without a node, and no model can be asked. Submit it as a task to a node that serves the model.");

    public Outcome<IOpenCall, CallRefusal> Open(string agent, IReadOnlyDictionary<string, string> parameters) =>
        new Refusal<CallRefusal>(CallRefusal.CallsUnavailable, why);

    public Outcome<IOpenCall, CallRefusal> Ask(string path) => new Refusal<CallRefusal>(CallRefusal.ModelsUnavailable, whyUnasked);
}
