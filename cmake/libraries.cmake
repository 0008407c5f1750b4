# Everything from outside, found once, under one name each: sos::ext::NAME.

find_package(PkgConfig REQUIRED)
function(sos_external name module)
    pkg_check_modules(EXT_${name} REQUIRED IMPORTED_TARGET GLOBAL ${module})
    add_library(sos::ext::${name} ALIAS PkgConfig::EXT_${name})
endfunction()

sos_external(uv libuv>=1.44)
sos_external(microhttpd libmicrohttpd>=0.9.75)
sos_external(curl libcurl)
sos_external(archive libarchive)
sos_external(zstd libzstd)
sos_external(zlib zlib)
sos_external(sqlite sqlite3>=3.40)
sos_external(jansson jansson)
sos_external(crypto libcrypto)
sos_external(yaml yaml-0.1)
sos_external(expat expat)
sos_external(xml libxml-2.0)
sos_external(gcrypt libgcrypt)

# Debian's own Python, which has protobuf, pytest and requests; never the first one in PATH.
set(SOS_PYTHON /usr/bin/python3 CACHE FILEPATH "Python that generates and tests")
