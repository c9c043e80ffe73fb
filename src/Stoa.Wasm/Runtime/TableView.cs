using System.Runtime.InteropServices;

namespace Stoa.Wasm.Runtime;

/// <summary>What compiled code sees of a table. It stays at one address; the entries move when the table grows.</summary>
/// <remarks>An entry is a <see cref="FunctionRecord"/> pointer or the handle of an object of the host; 0 is null.</remarks>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct TableView
{
    public nint* Entries;
    public long Length;
}
