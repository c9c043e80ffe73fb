using System.Collections.Frozen;
using System.Text.Json;
using Stoa.Wasm;

namespace Stoa.Market.Calls;

/// <summary>What a running agent may ask of its node: the import module <c>stoa</c>, for one run. The whole contract is docs/agents.md.</summary>
/// <remarks>
/// <c>request(ptr, len) -> handle</c> takes a message, a JSON object whose member <c>op</c> names the operation; <c>read(handle, ptr, cap) -> n</c>
/// gives the next bytes of the answer. An answer that is empty has the handle 0, so an operation that says nothing costs no
/// handle. Addresses out of bounds trap, as a load would. What is answered and charged follows from the calls alone, so a run with it replays.
/// </remarks>
/// <param name="board">Where <c>progress</c> goes.</param>
public sealed class AgentCalls(ProgressBoard board)
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

    private const string Request = "request";
    private const string Read = "read";

    private readonly byte[]?[] _answers = new byte[MaxOpenAnswers][];
    private readonly int[] _positions = new int[MaxOpenAnswers];

    /// <summary>The functions of the module and their types.</summary>
    public static FrozenDictionary<string, FunctionType> Functions { get; } = new Dictionary<string, FunctionType>
    {
        [Request] = new([ValueKind.I32, ValueKind.I32], [ValueKind.I32]),
        [Read] = new([ValueKind.I32, ValueKind.I32, ValueKind.I32], [ValueKind.I32]),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Defines the module for a program that imports it; one that does not costs nothing.</summary>
    public static void DefineFor(Module program, Imports imports, ProgressBoard board)
    {
        ArgumentNullException.ThrowIfNull(program);
        ArgumentNullException.ThrowIfNull(imports);
        foreach (var import in program.Imports)
        {
            if (import.Module != ModuleName)
                continue;
            DefineIn(imports, board);
            return;
        }
    }

    /// <summary>Defines the module.</summary>
    public static void DefineIn(Imports imports, ProgressBoard board)
    {
        ArgumentNullException.ThrowIfNull(imports);
        var calls = new AgentCalls(board);
        imports
            .AddFunction(ModuleName, Request, (Caller caller, uint address, uint length) => calls.Take(caller, address, length))
            .AddFunction(ModuleName, Read, (Caller caller, int handle, uint address, uint capacity) => calls.Give(caller, handle, address, capacity));
    }

    private int Take(Caller caller, uint address, uint length)
    {
        caller.ConsumeFuel(CallFuel.Call);
        var place = Array.IndexOf(_answers, null);
        if (place < 0)
            return TooManyOpen;
        if (length > MaxMessageBytes)
            return Answer(caller, place, new Refusal<CallRefusal>(CallRefusal.MessageTooLong, $"A message has at most {MaxMessageBytes} bytes."));
        var message = Region(caller, address, (int)length);
        caller.ConsumeFuel(length * CallFuel.MessageByte);
        return Answer(caller, place, CallMessage.Act(message, board));
    }

    private int Answer(Caller caller, int place, Refusal<CallRefusal>? refused)
    {
        if (refused is null)
            return 0;
        caller.ConsumeFuel(CallFuel.Refusal);
        (_answers[place], _positions[place]) = (ToJson(refused), 0);
        return place + 1;
    }

    private int Give(Caller caller, int handle, uint address, uint capacity)
    {
        caller.ConsumeFuel(CallFuel.Call);
        if (handle == 0)
            return 0;
        var place = handle - 1;
        if (place is < 0 or >= MaxOpenAnswers || _answers[place] is not { } answer)
            return HandleUnknown;
        var count = (int)Math.Min((uint)(answer.Length - _positions[place]), capacity);
        if (count == 0)
        {
            _answers[place] = null;
            return 0;
        }

        var target = Region(caller, address, count);
        caller.ConsumeFuel(count * CallFuel.AnswerByte);
        answer.AsSpan(_positions[place], count).CopyTo(target);
        _positions[place] += count;
        return count;
    }

    private static Span<byte> Region(Caller caller, uint address, int length) =>
        caller.Instance.Memory is { } memory ? memory.GetSpan(address, length) : throw new TrapException(TrapCode.MemoryOutOfBounds);

    private static byte[] ToJson(Refusal<CallRefusal> refused)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteString("error", JsonNamingPolicy.CamelCase.ConvertName(refused.Code.ToString()));
            json.WriteString("detail", refused.Detail);
            json.WriteEndObject();
        }

        return bytes.ToArray();
    }
}
