using System.Buffers;
using Stoa.Market.Calls;
using Stoa.Market.Inference;
using Stoa.Market.Inference.OpenAi;
using Stoa.Primitives;
using Stoa.Wasm;

namespace Stoa.Market.Tasks;

/// <content>Requests to models: those that the agent's manifest declares, on the terms that it declares.</content>
/// <remarks>
/// What is refused before a model is asked follows from the manifest and from what was asked before, so that a receipt of a run that asked none can be run again. What a model answers is
/// another thing each time: a receipt tells of every request that came so far, and is not run again when there is one.
/// </remarks>
public sealed partial class AgentCallDesk
{
    /// <summary>What an agent is told that may ask no model.</summary>
    internal const string CannotAsk = "This agent can ask no model: its agent.json declares no asks, it runs to make a bid, or this node asks none for agents.";

    private readonly int[] _asked = new int[tree.Asks.Count];
    private Money _paidForModels;

    /// <summary>Whether a model was asked.</summary>
    private bool HasAsked => Array.Exists(_asked, asked => asked > 0);

    private long MaxRequestBytes { get; } = tree.Asks.Select(ask => ask.MaxRequestBytes).DefaultIfEmpty(0).Max();

    public Outcome<IOpenCall, CallRefusal> Ask(string path)
    {
        if (tree.Asks.Count == 0)
            return new Refusal<CallRefusal>(CallRefusal.ModelsUnavailable, CannotAsk);
        return path switch
        {
            "chat/completions" => new OpenRequest(this, InferenceKind.Chat),
            "completions" => new OpenRequest(this, InferenceKind.Completion),
            "embeddings" => new OpenRequest(this, InferenceKind.Embedding),
            _ => new Refusal<CallRefusal>(CallRefusal.MemberInvalid, "Of a request to a model: path. It is chat/completions, completions or embeddings."),
        };
    }

    private CallAnswer Ask(InferenceKind kind, PieceBuffer input, Caller caller)
    {
        var body = input.Written.ToArray();
        if (!ReadRequest(kind, body).TryGet(out var request, out var invalid))
            return new CallAnswer(false, CallError.Of(invalid));
        var place = PlaceOf(request.Model);
        if (place < 0)
            return Refuse(CallRefusal.ModelUndeclared, $"Only what agent.json declares in asks can be asked: {string.Join(", ", tree.Asks.Select(ask => ask.Model))}.");
        var ask = tree.Asks[place];
        if (body.Length > ask.MaxRequestBytes)
            return Refuse(CallRefusal.RequestInvalid, $"A request to {ask.Model} has at most {ask.MaxRequestBytes} bytes.");
        if (_asked[place] >= ask.MaxRequests)
            return Refuse(CallRefusal.RequestsTooMany, $"{ask.Model} was asked {_asked[place]} times, which is all that asks allows.");
        if (_heldBytes + ask.MaxAnswerBytes > RoomBytes)
            return Refuse(CallRefusal.NoRoom, "Answers that are open hold the memory that this answer needs: read them to their ends first.");
        if (calls.Models is not { } models)
            return Refuse(CallRefusal.ModelsUnavailable, CannotAsk);
        try
        {
            if (models.Ask(number, calls.AgentOf(number), tree.Asks, ask, request, body, caller.CancellationToken) is not { } asked)
                return Refuse(CallRefusal.RequestsTooMany, "The task has asked models as often as a task may at this node, with what its calls have asked.");
            _asked[place]++;
            _paidForModels += asked.Price;
            return asked.Answer;
        }
        catch (OperationCanceledException) when (caller.CancellationToken.IsCancellationRequested)
        {
            throw new TrapException(calls.IsStopped ? TrapCode.Cancelled : TrapCode.DeadlineExceeded);
        }
    }

    private static Outcome<InferenceRequest, CallRefusal> ReadRequest(InferenceKind kind, byte[] body)
    {
        if (!InferenceRequest.TryRead(kind, body, out var request, out var fault))
        {
            // The parser's own words may differ from version to version, and what an agent can read must not.
            return new Refusal<CallRefusal>(CallRefusal.RequestInvalid, fault.Parameter is { } member ? $"{member}: {fault.Reason}" : "The body is not one JSON object in UTF-8.");
        }

        return request.IsStream ? new Refusal<CallRefusal>(CallRefusal.RequestInvalid, "stream: an agent gets its answer as a whole; leave it out.") : request;
    }

    /// <summary>The entry that allows a model, however its name is written; -1 when none does.</summary>
    private int PlaceOf(string model)
    {
        var name = ModelAddress.Normalise(model);
        for (var place = 0; place < tree.Asks.Count; place++)
        {
            if (tree.Asks[place].Model == name)
                return place;
        }

        return -1;
    }

    /// <summary>A request that collects its body, is made, and whose answer is read.</summary>
    private sealed class OpenRequest(AgentCallDesk desk, InferenceKind kind) : IOpenCall
    {
        private PieceBuffer? _input = new();
        private long _heldBytes;

        public bool TryWrite(ReadOnlySpan<byte> bytes)
        {
            if (_input is null || _input.Count + bytes.Length > desk.MaxRequestBytes || desk._heldBytes + bytes.Length > desk.RoomBytes)
                return false;
            _input.Write(bytes);
            Hold(_input.Count);
            return true;
        }

        public CallAnswer Run(Caller caller)
        {
            var input = _input ?? throw new InvalidOperationException("A request is made once.");
            var answer = desk.Ask(kind, input, caller);
            _input = null;
            Hold(answer.IsOutput ? answer.Bytes.Length : 0);
            return answer;
        }

        public void Close()
        {
            _input = null;
            Hold(0);
        }

        private void Hold(long bytes)
        {
            desk._heldBytes += bytes - _heldBytes;
            _heldBytes = bytes;
        }
    }
}
