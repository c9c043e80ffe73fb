namespace Stoa.Wasm.Wasi;

/// <summary>The open descriptors of a guest, by number. A new one gets the lowest number that is free, as POSIX says.</summary>
internal sealed class DescriptorTable(int maxOpen) : IDisposable
{
    private readonly List<Descriptor?> _descriptors = [];
    private int _lowestFree;

    /// <summary>Adds a descriptor; on a refusal it is still the caller's to close.</summary>
    public Errno Add(Descriptor descriptor, out int fd)
    {
        while (_lowestFree < _descriptors.Count && _descriptors[_lowestFree] is not null)
            _lowestFree++;
        fd = _lowestFree;
        if (fd >= maxOpen)
            return Errno.Mfile;
        if (fd == _descriptors.Count)
            _descriptors.Add(descriptor);
        else
            _descriptors[fd] = descriptor;
        return Errno.Success;
    }

    public Descriptor? Find(int fd) => fd >= 0 && fd < _descriptors.Count ? _descriptors[fd] : null;

    /// <summary>Finds a descriptor that has all of the rights.</summary>
    public Errno Require(int fd, Rights rights, out Descriptor? descriptor)
    {
        descriptor = Find(fd);
        if (descriptor is null)
            return Errno.Badf;
        return (descriptor.Rights & rights) == rights ? Errno.Success : Errno.NotCapable;
    }

    /// <summary>Finds a directory that has all of the rights.</summary>
    public Errno RequireDirectory(int fd, Rights rights, out DirectoryDescriptor? directory)
    {
        directory = Find(fd) as DirectoryDescriptor;
        if (directory is null)
            return Find(fd) is null ? Errno.Badf : Errno.NotDir;
        return (directory.Rights & rights) == rights ? Errno.Success : Errno.NotCapable;
    }

    /// <summary>Entries of all listings that are kept.</summary>
    public int CountListedEntries() => _descriptors.Sum(descriptor => (descriptor as DirectoryDescriptor)?.Listing?.Count ?? 0);

    /// <summary>Forgets the listings of all directories.</summary>
    public void DropListings()
    {
        foreach (var directory in _descriptors.OfType<DirectoryDescriptor>())
            directory.Listing = null;
    }

    public Errno Close(int fd)
    {
        if (Find(fd) is not { } descriptor)
            return Errno.Badf;
        _descriptors[fd] = null;
        _lowestFree = Math.Min(_lowestFree, fd);
        descriptor.Dispose();
        return Errno.Success;
    }

    public Errno Renumber(int fd, int to)
    {
        if (Find(fd) is not { } descriptor || Find(to) is not { } replaced)
            return Errno.Badf;
        if (fd == to)
            return Errno.Success;
        _descriptors[to] = descriptor;
        _descriptors[fd] = null;
        _lowestFree = Math.Min(_lowestFree, fd);
        replaced.Dispose();
        return Errno.Success;
    }

    public void Dispose()
    {
        foreach (var descriptor in _descriptors)
            descriptor?.Dispose();
        _descriptors.Clear();
        _lowestFree = 0;
    }
}
