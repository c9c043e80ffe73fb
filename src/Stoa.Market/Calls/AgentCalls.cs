using System.Buffers;
using System.Collections.Frozen;
using Stoa.Wasm;

namespace Stoa.Market.Calls;

/// <summary>What a running agent may ask of its node: the import module <c>stoa</c>, for one run. The whole contract is docs/agents.md.</summary>
/// <remarks>
/// <c>request(ptr, len) -> handle</c> takes a message, a JSON object whose member <c>op</c> names the operation; <c>read(handle, ptr, cap) -> n</c>
/// gives the next bytes of the answer. An answer that is empty has the handle 0, so an operation that says nothing costs no
/// handle. A call of another agent takes its input by <c>write(handle, ptr, len) -> n</c>, and is done by <c>run(handle) -> 0 or 1</c>; what can be
/// read then is what that agent wrote, or an error. A request to a model takes its body and is made in the same way. Addresses out of bounds trap, as a load would. What is answered and charged follows
/// from the calls alone, so a run with it replays, unless a model was asked.
/// </remarks>
/// <param name="board">Where <c>progress</c> goes.</param>
/// <param name="desk">Runs the agents that are called, and asks models.</param>
public sealed class AgentCalls(ProgressBoard board, ICallDesk desk)
{
    /// <summary>The module name by which agents import these functions.</summary>
    public const string ModuleName = "stoa";

    /// <summary>The longest message: 64 KiB.</summary>
    public const int MaxMessageBytes = 64 << 10;

    /// <summary>The most answers that may be open, that is not read to their ends: 16.</summary>
    public const int MaxOpenAnswers = 16;

    /// <summary>Answered by <c>request</c> when too many answers are open: nothing was done.</summary>
    public const int TooManyOpen = -1;

    /// <summary>Answered by <c>read</c> when no answer is open under the handle.</summary>
    public const int HandleUnknown = -2;

    /// <summary>Answered by <c>write</c> when the input would be too long, or there is no memory for it: nothing was taken.</summary>
    public const int NoRoom = -3;

    private const string Request = "request";
    private const string Read = "read";
    private const string Write = "write";
    private const string Run = "run";

    private readonly Answer?[] _answers = new Answer?[MaxOpenAnswers];

    /// <summary>The functions of the module and their types.</summary>
    public static FrozenDictionary<string, FunctionType> Functions { get; } = new Dictionary<string, FunctionType>
    {
        [Request] = new([ValueKind.I32, ValueKind.I32], [ValueKind.I32]),
        [Read] = new([ValueKind.I32, ValueKind.I32, ValueKind.I32], [ValueKind.I32]),
        [Write] = new([ValueKind.I32, ValueKind.I32, ValueKind.I32], [ValueKind.I32]),
        [Run] = new([ValueKind.I32], [ValueKind.I32]),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Defines the module for a program that imports it; one that does not costs nothing.</summary>
    public static void DefineFor(Module program, Imports imports, ProgressBoard board, ICallDesk desk)
    {
        ArgumentNullException.ThrowIfNull(program);
        ArgumentNullException.ThrowIfNull(imports);
        foreach (var import in program.Imports)
        {
            if (import.Module != ModuleName)
                continue;
            DefineIn(imports, board, desk);
            return;
        }
    }

    /// <summary>Defines the module.</summary>
    public static void DefineIn(Imports imports, ProgressBoard board, ICallDesk desk)
    {
        ArgumentNullException.ThrowIfNull(imports);
        var calls = new AgentCalls(board, desk);
        imports
            .AddFunction(ModuleName, Request, (Caller caller, uint address, uint length) => calls.Take(caller, address, length))
            .AddFunction(ModuleName, Read, (Caller caller, int handle, uint address, uint capacity) => calls.Give(caller, handle, address, capacity))
            .AddFunction(ModuleName, Write, (Caller caller, int handle, uint address, uint length) => calls.TakeInput(caller, handle, address, length))
            .AddFunction(ModuleName, Run, (Caller caller, int handle) => calls.RunCall(caller, handle));
    }

    private int Take(Caller caller, uint address, uint length)
    {
        caller.ConsumeFuel(CallFuel.Call);
        var place = Array.IndexOf(_answers, null);
        if (place < 0)
            return TooManyOpen;
        if (length > MaxMessageBytes)
            return Refuse(caller, place, new Refusal<CallRefusal>(CallRefusal.MessageTooLong, $"A message has at most {MaxMessageBytes} bytes."));
        var message = Region(caller, address, (int)length);
        caller.ConsumeFuel(length * CallFuel.MessageByte);
        var (refused, call) = CallMessage.Act(message, board, desk);
        if (refused is not null)
            return Refuse(caller, place, refused);
        if (call is null)
            return 0;
        _answers[place] = new Answer { Call = call };
        return place + 1;
    }

    private int Refuse(Caller caller, int place, Refusal<CallRefusal> refused)
    {
        caller.ConsumeFuel(CallFuel.Refusal);
        _answers[place] = new Answer { HasRun = true, IsError = true, Rest = CallError.Of(refused) };
        return place + 1;
    }

    private int TakeInput(Caller caller, int handle, uint address, uint length)
    {
        caller.ConsumeFuel(CallFuel.Call);
        if (Find(handle) is not { HasRun: false, Call: { } call })
            return HandleUnknown;
        if (length > int.MaxValue)
            return NoRoom;
        var input = Region(caller, address, (int)length);
        caller.ConsumeFuel(length * CallFuel.InputByte);
        return call.TryWrite(input) ? (int)length : NoRoom;
    }

    /// <summary>Runs a call that has its input.</summary>
    /// <returns>0 when its output can be read, 1 when an error can; what was refused at once has run already.</returns>
    private int RunCall(Caller caller, int handle)
    {
        caller.ConsumeFuel(CallFuel.Call);
        if (Find(handle) is not { } answer)
            return HandleUnknown;
        if (!answer.HasRun)
        {
            caller.ConsumeFuel(CallFuel.Run);
            var (isOutput, bytes) = answer.Call!.Run(caller);
            (answer.HasRun, answer.IsError, answer.Rest) = (true, !isOutput, bytes);
            if (!isOutput)
                caller.ConsumeFuel(CallFuel.Refusal);
        }

        return answer.IsError ? 1 : 0;
    }

    private int Give(Caller caller, int handle, uint address, uint capacity)
    {
        caller.ConsumeFuel(CallFuel.Call);
        if (handle == 0)
            return 0;
        if (Find(handle) is not { } answer || (!answer.HasRun && capacity > 0))
            return HandleUnknown;
        var count = (int)Math.Min(Math.Min(answer.Rest.Length, capacity), int.MaxValue);
        if (count == 0)
        {
            answer.Call?.Close();
            _answers[handle - 1] = null;
            return 0;
        }

        var target = Region(caller, address, count);
        caller.ConsumeFuel(count * CallFuel.AnswerByte);
        answer.Rest.Slice(0, count).CopyTo(target);
        answer.Rest = answer.Rest.Slice(count);
        return count;
    }

    private Answer? Find(int handle) => handle is > 0 and <= MaxOpenAnswers ? _answers[handle - 1] : null;

    private static Span<byte> Region(Caller caller, uint address, int length) =>
        caller.Instance.Memory is { } memory ? memory.GetSpan(address, length) : throw new TrapException(TrapCode.MemoryOutOfBounds);

    /// <summary>What is behind a handle.</summary>
    private sealed class Answer
    {
        /// <summary>The call that it is of; null of a refusal.</summary>
        public IOpenCall? Call { get; init; }

        public bool HasRun { get; set; }

        public bool IsError { get; set; }

        /// <summary>What was not read yet.</summary>
        public ReadOnlySequence<byte> Rest { get; set; }
    }
}
