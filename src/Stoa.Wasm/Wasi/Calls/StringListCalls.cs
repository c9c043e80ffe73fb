using System.Text;

namespace Stoa.Wasm.Wasi.Calls;

/// <summary><c>args_*</c> and <c>environ_*</c>: lists of strings, each ended by a NUL.</summary>
internal sealed class StringListCalls
{
    private readonly byte[][] _items;
    private readonly uint _totalBytes;

    /// <exception cref="ArgumentException">A string holds a NUL, or all together are too long.</exception>
    public StringListCalls(IEnumerable<string> items, int maxBytes)
    {
        _items = [.. items.Select(item => item.Contains('\0')
            ? throw new ArgumentException("Arguments and environment variables cannot hold a NUL.", nameof(items))
            : Encoding.UTF8.GetBytes(item + '\0'))];
        var total = _items.Sum(item => (long)item.Length);
        if (total > maxBytes)
            throw new ArgumentException($"Arguments or environment variables of {total} bytes are over the limit of {maxBytes}.", nameof(items));
        _totalBytes = (uint)total;
    }

    public Errno GetSizes(Guest guest, uint countAddress, uint bytesAddress)
    {
        var errno = guest.Write(countAddress, (uint)_items.Length);
        return errno != Errno.Success ? errno : guest.Write(bytesAddress, _totalBytes);
    }

    public Errno Get(Guest guest, uint pointersAddress, uint bytesAddress)
    {
        guest.Charge((_totalBytes + (_items.Length * sizeof(uint))) * WasiFuel.Byte);
        if (!guest.TryGet(bytesAddress, _totalBytes, out var bytes))
            return Errno.Fault;
        var at = 0;
        for (var i = 0; i < _items.Length; i++)
        {
            var errno = guest.Write(pointersAddress + ((uint)i * sizeof(uint)), bytesAddress + (uint)at);
            if (errno != Errno.Success)
                return errno;
            _items[i].CopyTo(bytes[at..]);
            at += _items[i].Length;
        }

        return Errno.Success;
    }
}
