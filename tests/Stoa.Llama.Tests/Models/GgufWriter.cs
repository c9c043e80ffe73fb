using System.Text;

namespace Stoa.Llama.Tests.Models;

/// <summary>Writes a GGUF file of version 3: keys and values, then tensors of floats.</summary>
/// <remarks>ggml, docs/gguf.md.</remarks>
public sealed class GgufWriter : IDisposable
{
    private const int Alignment = 32;
    private const uint Float32 = 6;
    private const uint Integer32 = 5;
    private const uint Unsigned32 = 4;
    private const uint Boolean = 7;
    private const uint Text = 8;
    private const uint Array = 9;

    private readonly MemoryStream _values = new();
    private readonly List<(string Name, long[] Shape, float[] Numbers)> _tensors = [];
    private ulong _count;

    public void Add(string key, string value) => Add(key, Text, writer => WriteText(writer, value));

    public void Add(string key, uint value) => Add(key, Unsigned32, writer => writer.Write(value));

    public void Add(string key, float value) => Add(key, Float32, writer => writer.Write(value));

    public void Add(string key, bool value) => Add(key, Boolean, writer => writer.Write(value));

    public void Add(string key, IReadOnlyList<string> values) => Add(key, Array, writer =>
    {
        writer.Write(Text);
        writer.Write((ulong)values.Count);
        foreach (var value in values)
            WriteText(writer, value);
    });

    public void Add(string key, IReadOnlyList<int> values) => Add(key, Array, writer =>
    {
        writer.Write(Integer32);
        writer.Write((ulong)values.Count);
        foreach (var value in values)
            writer.Write(value);
    });

    /// <summary>Adds a tensor; the first length is that of a row.</summary>
    public void Add(string name, long[] shape, float[] numbers) => _tensors.Add((name, shape, numbers));

    public void Dispose() => _values.Dispose();

    public void Save(string path)
    {
        using var file = File.Create(path);
        using var writer = new BinaryWriter(file);
        writer.Write("GGUF"u8);
        writer.Write(3u);
        writer.Write((ulong)_tensors.Count);
        writer.Write(_count);
        writer.Write(_values.ToArray());
        var offset = 0L;
        foreach (var (name, shape, numbers) in _tensors)
        {
            WriteText(writer, name);
            writer.Write((uint)shape.Length);
            foreach (var length in shape)
                writer.Write((ulong)length);
            // Floats of 32 bits.
            writer.Write(0u);
            writer.Write((ulong)offset);
            offset += Padded(numbers.Length * sizeof(float));
        }

        Pad(writer);
        foreach (var (_, _, numbers) in _tensors)
        {
            foreach (var number in numbers)
                writer.Write(number);
            Pad(writer);
        }
    }

    private void Add(string key, uint type, Action<BinaryWriter> write)
    {
        var writer = new BinaryWriter(_values, Encoding.UTF8, leaveOpen: true);
        WriteText(writer, key);
        writer.Write(type);
        write(writer);
        writer.Flush();
        _count++;
    }

    private static void WriteText(BinaryWriter writer, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        writer.Write((ulong)bytes.Length);
        writer.Write(bytes);
    }

    private static void Pad(BinaryWriter writer)
    {
        writer.Flush();
        while (writer.BaseStream.Position % Alignment != 0)
            writer.Write((byte)0);
    }

    private static long Padded(long length) => (length + Alignment - 1) / Alignment * Alignment;
}
