namespace Stoa.Wasm.Binary;

/// <summary>The function names of the custom section <c>name</c>. A section that is broken gives no names, and no error.</summary>
internal sealed class FunctionNames
{
    private const byte FunctionSubsection = 1;
    private const int MaxNames = 1_000_000;

    private readonly Dictionary<int, string> _names = [];

    public string? Find(int function) => _names.GetValueOrDefault(function);

    public static FunctionNames Decode(ReadOnlyMemory<byte> section)
    {
        var names = new FunctionNames();
        try
        {
            var reader = new WasmReader(section.Span, 0, section.Length);
            while (!reader.IsAtEnd)
            {
                byte id = reader.ReadByte();
                int length = reader.ReadLength();
                if (id == FunctionSubsection)
                    names.Read(new WasmReader(section.Span, reader.Position, reader.Position + length));
                reader.Position += length;
            }
        }
        catch (InvalidModuleException)
        {
            // Custom sections are not part of what makes a module valid (core specification 5.5.3).
        }

        return names;
    }

    private void Read(WasmReader reader)
    {
        for (int left = reader.ReadCount(MaxNames, "names"); left > 0; left--)
        {
            int function = (int)reader.ReadU32();
            _names[function] = reader.ReadName();
        }
    }
}
