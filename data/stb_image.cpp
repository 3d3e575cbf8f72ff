// stb_image, with what data/image_decoder.cpp needs of it.
#include <cstdlib>

// Version 2.27 decodes with tables that a file did not bring: they are empty then, not whatever lay in memory.
#define STBI_MALLOC(bytes) std::calloc(1, bytes)
#define STBI_REALLOC(memory, bytes) std::realloc(memory, bytes)
#define STBI_FREE(memory) std::free(memory)
#define STB_IMAGE_IMPLEMENTATION
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#include <stb_image.h>
