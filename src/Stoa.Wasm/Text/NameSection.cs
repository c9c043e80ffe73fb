using System.Text;

namespace Stoa.Wasm.Text;

/// <summary>The custom section <c>name</c> with the identifiers of functions (core specification 2.0, appendix A.4).</summary>
internal sealed class NameSection
{
    private const byte FunctionSubsection = 1;

    private readonly ByteBuffer _names = new();
    private uint _count;

    /// <summary>Adds the name of a function, which comes after those before; null: it has none.</summary>
    public void Add(uint function, string? identifier)
    {
        if (identifier is null)
            return;
        _count++;
        _names.U32(function);
        _names.Sized(Encoding.ASCII.GetBytes(identifier, 1, identifier.Length - 1));
    }

    public void WriteTo(ByteBuffer module)
    {
        if (_count == 0)
            return;
        var subsection = new ByteBuffer();
        subsection.U32(_count);
        subsection.Append(_names);
        var section = new ByteBuffer();
        section.Sized("name"u8);
        section.Byte(FunctionSubsection);
        section.Sized(subsection.Written);
        module.Byte(0);
        module.Sized(section.Written);
    }
}
