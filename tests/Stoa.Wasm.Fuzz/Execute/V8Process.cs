using System.Buffers.Binary;
using System.ComponentModel;
using System.Diagnostics;
using Stoa.Wasm.Fuzz.Generation;
using Stoa.Wasm.Fuzz.Reference;

namespace Stoa.Wasm.Fuzz.Execute;

/// <summary>How V8 ended a call. The numbers are those of <c>v8.mjs</c>.</summary>
internal enum V8Status : byte
{
    Returned = 0,
    Unreachable = 1,
    MemoryOutOfBounds = 2,
    TableOutOfBounds = 3,
    NullOrMismatch = 4,
    DivideByZero = 5,
    DivideOverflow = 6,
    Conversion = 7,
    StackExhausted = 8,
}

/// <summary>What V8 answers to one call, or to the question for the state, of which the memory's hash is a part.</summary>
internal sealed record V8Outcome(V8Status Status, Cell[] Results, uint MemoryHash)
{
    public override string ToString() =>
        Status == V8Status.Returned ? $"({string.Join(' ', Results.Select(result => $"0x{result.Low:x}"))})" : $"trap {Status}";
}

/// <summary>Node in a process of its own, which runs a module with all its calls at once.</summary>
internal sealed class V8Process : IDisposable
{
    private const int StateExport = 0xFFFF;
    private static readonly TimeSpan s_answerTimeout = TimeSpan.FromMinutes(1);

    private readonly Process _process;
    private readonly Timer _watchdog;

    private V8Process(Process process)
    {
        _process = process;
        _watchdog = new Timer(_ => _process.Kill());
        int features = process.StandardOutput.BaseStream.ReadByte();
        if (features < 0)
            throw new FuzzException("V8 ended before it said what it knows.");
        Features = ((features & 1) != 0 ? WasmFeatures.MultipleMemories : 0)
            | ((features & 2) != 0 ? WasmFeatures.ExtendedConstantExpressions : 0);
    }

    /// <summary>Of what a module may need beyond WebAssembly 2.0 with tail calls, that which this version of it knows.</summary>
    public WasmFeatures Features { get; }

    /// <summary>Starts it; null when Node is not installed.</summary>
    public static V8Process? Start()
    {
        string script = Path.Combine(AppContext.BaseDirectory, "v8.mjs");
        try
        {
            return new V8Process(Process.Start(new ProcessStartInfo("node", [script]) { RedirectStandardInput = true, RedirectStandardOutput = true })!);
        }
        catch (Win32Exception)
        {
            return null;
        }
    }

    /// <summary>Sends a module with its calls, each export's followed by the question for the state.</summary>
    public void Send(GeneratedModule module, byte[] bytes, FunctionType state, IReadOnlyList<GeneratedCall> calls)
    {
        using var request = new MemoryStream();
        using var writer = new BinaryWriter(request);
        writer.Write(0);
        writer.Write(bytes.Length);
        writer.Write(bytes);
        writer.Write(GeneratedModule.Budget);
        writer.Write((ushort)(module.Exports.Length + 1));
        foreach (var type in module.Exports.Append(state))
        {
            WriteKinds(writer, type.Parameters.AsSpan());
            WriteKinds(writer, type.Results.AsSpan());
        }

        int states = calls.Where((call, i) => CallSequence.EndsExport(calls, i)).Count();
        writer.Write(calls.Count + states);
        for (int i = 0; i < calls.Count; i++)
        {
            writer.Write((ushort)calls[i].Export);
            foreach (var argument in calls[i].Arguments)
                writer.Write(argument.Low);
            if (CallSequence.EndsExport(calls, i))
                writer.Write((ushort)StateExport);
        }

        var sent = request.GetBuffer().AsSpan(0, (int)request.Length);
        BinaryPrimitives.WriteInt32LittleEndian(sent, sent.Length - sizeof(int));
        _process.StandardInput.BaseStream.Write(sent);
        _process.StandardInput.BaseStream.Flush();
    }

    /// <summary>Reads the answers in the order of the questions.</summary>
    /// <exception cref="FuzzException">V8 refused the module, or did not answer in time.</exception>
    public IReadOnlyList<V8Outcome> Receive(GeneratedModule module, FunctionType state, IReadOnlyList<GeneratedCall> calls)
    {
        _watchdog.Change(s_answerTimeout, Timeout.InfiniteTimeSpan);
        byte[] answer;
        try
        {
            Span<byte> size = stackalloc byte[sizeof(int)];
            _process.StandardOutput.BaseStream.ReadExactly(size);
            answer = new byte[BinaryPrimitives.ReadInt32LittleEndian(size)];
            _process.StandardOutput.BaseStream.ReadExactly(answer);
        }
        catch (EndOfStreamException)
        {
            throw new FuzzException("V8 ended, or did not answer within a minute.");
        }
        finally
        {
            _watchdog.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }

        using var reader = new BinaryReader(new MemoryStream(answer));
        if (reader.ReadByte() != 0)
            throw new FuzzException($"V8: {System.Text.Encoding.UTF8.GetString(answer.AsSpan(1))}");
        var outcomes = new List<V8Outcome>();
        for (int i = 0; i < calls.Count; i++)
        {
            var status = (V8Status)reader.ReadByte();
            outcomes.Add(new V8Outcome(status, status == V8Status.Returned ? ReadResults(reader, module.Exports[calls[i].Export]) : [], 0));
            if (!CallSequence.EndsExport(calls, i))
                continue;
            uint hash = reader.ReadUInt32();
            outcomes.Add(new V8Outcome(V8Status.Returned, ReadResults(reader, state), hash));
        }

        return outcomes;
    }

    public void Dispose()
    {
        // The end of its input ends it.
        _process.StandardInput.Close();
        if (!_process.WaitForExit(TimeSpan.FromSeconds(5)))
            _process.Kill();
        _watchdog.Dispose();
        _process.Dispose();
    }

    private static Cell[] ReadResults(BinaryReader reader, FunctionType type)
    {
        var results = new Cell[type.Results.Length];
        for (int i = 0; i < results.Length; i++)
            results[i] = new Cell(reader.ReadUInt64());
        return results;
    }

    private static void WriteKinds(BinaryWriter writer, ReadOnlySpan<ValueKind> kinds)
    {
        writer.Write((byte)kinds.Length);
        foreach (var kind in kinds)
            writer.Write((byte)kind);
    }
}
